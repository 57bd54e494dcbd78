//! Counts heap allocations of Rust code, and the bytes that are live: an allocator that passes everything on to the
//! system's.
//!
//! What C code allocates (AWS-LC, OpenSSL) goes past it, in ours as in the peers; the output says so. Allocations are
//! counted for each thread, so that nobody else's show; live bytes for the whole process, and only when asked for, as
//! threads would otherwise wait for each other's count while they are timed.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

thread_local! {
    /// Allocations and reallocations of this thread so far.
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

static IS_TALLIED: AtomicBool = AtomicBool::new(false);

/// Bytes that were taken, less those that were given back; it wraps where more was given back.
static LIVE: AtomicU64 = AtomicU64::new(0);

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[expect(
    unsafe_code,
    reason = "counting allocations means being the allocator; every call goes to the system's as it came"
)]
// SAFETY: each method passes its arguments on unchanged to `System`, which keeps the contract.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        tally(0, layout.size());
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        tally(0, layout.size());
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
        count();
        tally(layout.size(), bytes);
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, bytes) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        tally(layout.size(), 0);
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

fn count() {
    // It has neither an initializer nor a destructor, so it is there for as long as its thread.
    COUNT.with(|count| count.set(count.get() + 1));
}

fn tally(before: usize, after: usize) {
    if IS_TALLIED.load(Ordering::Relaxed) {
        // No address space is wider.
        LIVE.fetch_add((after as u64).wrapping_sub(before as u64), Ordering::Relaxed);
    }
}

/// How often an operation is repeated for its count: what it allocates only once in a while must show too.
const REPEATS: u32 = 64;

/// Heap allocations per call of `operation` on this thread, once it is warm.
pub fn per_call(mut operation: impl FnMut()) -> f64 {
    for _ in 0..REPEATS {
        operation();
    }
    let before = COUNT.get();
    for _ in 0..REPEATS {
        operation();
    }
    let count = black_box(COUNT.get()) - before;
    f64::from(u32::try_from(count).unwrap_or(u32::MAX)) / f64::from(REPEATS)
}

/// Follows the live bytes of all threads until it is dropped. There is one at a time.
pub struct Tally {
    before: u64,
}

impl Tally {
    /// From now on.
    pub fn begin() -> Self {
        let before = LIVE.load(Ordering::Relaxed);
        IS_TALLIED.store(true, Ordering::Relaxed);
        Self { before }
    }

    /// Bytes that were taken since, less those that were given back: below zero if it was more.
    pub fn live_bytes(&self) -> i64 {
        LIVE.load(Ordering::Relaxed).wrapping_sub(self.before).cast_signed()
    }
}

impl Drop for Tally {
    fn drop(&mut self) {
        IS_TALLIED.store(false, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn per_call_counts_each_allocation_and_reallocation() {
        let is = |count: f64, operation: &mut dyn FnMut()| (per_call(operation) - count).abs() < 1e-9;
        assert!(is(0.0, &mut || ()));
        assert!(is(1.0, &mut || drop(black_box(Box::new(1_u8)))));
        assert!(is(3.0, &mut || drop(black_box(vec![vec![1_u8], vec![2]]))));
    }

    #[test]
    fn tally_follows_every_byte_while_it_lives() {
        const BYTES: usize = 64 << 20;
        let tally = Tally::begin();
        let kept = black_box(vec![1_u8; BYTES]);
        // Other tests take and give back at the same time.
        assert!(tally.live_bytes() > 32 << 20, "{}", tally.live_bytes());
        drop(kept);
        assert!(tally.live_bytes() < 32 << 20, "{}", tally.live_bytes());
        drop(tally);
        let before = LIVE.load(Ordering::Relaxed);
        drop(black_box(vec![1_u8; BYTES]));
        assert_eq!(LIVE.load(Ordering::Relaxed), before, "nothing is followed outside");
    }
}

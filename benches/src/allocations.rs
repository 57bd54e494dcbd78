//! Counts heap allocations of Rust code: an allocator that counts and passes everything on to the system's.
//!
//! What C code allocates (AWS-LC, OpenSSL) goes past it, in ours as in the peers; the output says so.

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};

/// Allocations and reallocations so far.
static COUNT: AtomicU64 = AtomicU64::new(0);

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
        COUNT.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        COUNT.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
        COUNT.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, bytes) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// How often an operation is repeated for its count: what it allocates only once in a while must show too.
const REPEATS: u32 = 64;

/// Heap allocations per call of `operation`, once it is warm.
pub(crate) fn per_call(mut operation: impl FnMut()) -> f64 {
    for _ in 0..REPEATS {
        operation();
    }
    let before = COUNT.load(Ordering::Relaxed);
    for _ in 0..REPEATS {
        operation();
    }
    let count = black_box(COUNT.load(Ordering::Relaxed)) - before;
    f64::from(u32::try_from(count).unwrap_or(u32::MAX)) / f64::from(REPEATS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn per_call_counts_each_allocation_and_reallocation() {
        // Other tests allocate at the same time, so only the lower bound is certain.
        assert!(per_call(|| drop(black_box(Box::new(1_u8)))) >= 1.0);
        assert!(per_call(|| drop(black_box(vec![vec![1_u8], vec![2]]))) >= 3.0);
    }
}

//! Reads a file as bounded as an answer: a key set, or what a fetch shows and trusts.

use std::path::Path;

use tokio::io::AsyncReadExt as _;

/// The bytes of a regular file; what is none, as a pipe or a device, may never end and never begin.
///
/// # Errors
/// Why it cannot be read.
pub(crate) async fn read_file(path: &Path, bytes_max: u64) -> Result<Vec<u8>, String> {
    let told = |error: std::io::Error| error.to_string();
    let metadata = tokio::fs::metadata(path).await.map_err(told)?;
    if !metadata.is_file() {
        return Err("it is no regular file".to_owned());
    }
    if metadata.len() > bytes_max {
        return Err(over(bytes_max));
    }
    let file = tokio::fs::File::open(path).await.map_err(told)?;
    // Room for all of it at once: of a secret no copies are left behind by growing.
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or_default().saturating_add(1));
    // It may have grown meanwhile, and some files say that they are empty.
    let read = file.take(bytes_max.saturating_add(1)).read_to_end(&mut bytes).await.map_err(told)?;
    if u64::try_from(read).unwrap_or(u64::MAX) > bytes_max {
        return Err(over(bytes_max));
    }
    Ok(bytes)
}

fn over(bytes_max: u64) -> String {
    format!("it has over {bytes_max} bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn file_is_read_up_to_its_limit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, [7; 10]).unwrap();
        assert_eq!(read_file(&path, 10).await, Ok(vec![7; 10]));
        assert_eq!(read_file(&path, 9).await, Err(over(9)));
        assert!(read_file(folder.path(), 10).await.is_err(), "a folder");
        assert!(read_file(&folder.path().join("other"), 10).await.is_err(), "none");
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn file_without_an_end_or_a_length_is_bounded() {
        assert!(read_file(Path::new("/dev/zero"), 10).await.is_err());
        assert_eq!(read_file(Path::new("/proc/self/stat"), 1).await, Err(over(1)));
        assert!(read_file(Path::new("/proc/self/stat"), 64 * 1024).await.is_ok(), "it says that it is empty");
    }
}

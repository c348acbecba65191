//! The operator's key: given, or made once and kept where only the owner reads it.

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use ring::digest::{SHA256, digest};

use super::HomeError;

const FILE: &str = "operator-key";
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const LENGTH: usize = 43;

/// The operator's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OperatorKey {
    pub(super) key: String,
    /// Whether it was made just now.
    pub(super) new: bool,
}

impl OperatorKey {
    /// The key that is given, or else the one that the data directory keeps.
    pub(super) fn find(given: Option<&str>, folder: &Path) -> Result<Self, HomeError> {
        if let Some(key) = given.map(str::trim).filter(|key| !key.is_empty()) {
            return Ok(Self { key: key.to_owned(), new: false });
        }
        let path = folder.join(FILE);
        let failed = |source| HomeError::Data { path: path.clone(), source };
        match fs::read_to_string(&path) {
            Ok(text) if !text.trim().is_empty() => {
                return Ok(Self { key: text.trim().to_owned(), new: false });
            }
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(failed(error)),
        }
        let key = make();
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&path)
            .map_err(failed)?;
        file.write_all(key.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
        Ok(Self { key, new: true })
    }

    /// What the functions know of the key.
    pub(super) fn sha256(&self) -> String {
        digest(&SHA256, self.key.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

fn make() -> String {
    let secret = (0..LENGTH).map(|_| char::from(ALPHABET[rand::random_range(0..ALPHABET.len())]));
    format!("toss_operator_{}", secret.collect::<String>())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_key_is_made_once_and_kept_from_others() {
        let folder = tempfile::tempdir().unwrap();
        let made = OperatorKey::find(None, folder.path()).unwrap();
        assert!(made.new);
        let kept = OperatorKey::find(None, folder.path()).unwrap();
        assert_eq!((kept.key, kept.new), (made.key, false));
        let mode = fs::metadata(folder.path().join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_given_key_is_taken_and_not_kept() {
        let folder = tempfile::tempdir().unwrap();
        let key = OperatorKey::find(Some("secret\n"), folder.path()).unwrap();
        assert_eq!(key.key, "secret");
        assert_eq!(key.sha256(), "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b");
        assert!(!folder.path().join(FILE).exists());
    }
}

//! Proofs as text, and their verification with nothing but the public key.
//!
//! - Inclusion: C2SP tlog-proof. Its `extra` line carries the leaf, so that the proof is complete in itself;
//!   what the line says is believed only because the proof then holds for it.
//! - Consistency: the request body of C2SP tlog-witness `add-checkpoint` (`old <size>`, hashes, an empty
//!   line, the newer checkpoint), so that a witness takes it as it stands.
//!
//! <https://c2sp.org/tlog-proof>, <https://c2sp.org/tlog-witness>

use std::fmt::Write as _;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use tlog_tiles::{EMPTY_HASH, Hash, check_record, check_tree, record_hash};

use crate::checkpoint::{Checkpoint, CheckpointError, VerifierKey, verify as verify_checkpoint};

const INCLUSION_HEADER: &str = "c2sp.org/tlog-proof@v1";

/// A tree of 2^64 leaves has paths of 64 hashes.
const MOST_HASHES: usize = 64;

/// Why a proof is not to be believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// Not a proof in the expected format.
    #[error("not a proof: {0}")]
    Malformed(&'static str),
    /// The checkpoint inside is not to be believed.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The hashes do not lead from the leaf to the signed root.
    #[error("the proof does not hold: this event is not at place {index} of the signed log")]
    NotIncluded {
        /// The claimed place.
        index: u64,
    },
    /// The hashes do not lead from the earlier root to the later one.
    #[error(
        "the proof does not hold: the log of {new} events does not begin with the log of {old} events; history was changed"
    )]
    NotConsistent {
        /// Size of the earlier log.
        old: u64,
        /// Size of the later log.
        new: u64,
    },
}

/// The text of an inclusion proof.
#[must_use]
pub fn inclusion_text(leaf: &[u8], index: u64, hashes: &[Hash], checkpoint: &str) -> String {
    let mut text = format!("{INCLUSION_HEADER}\nextra {}\nindex {index}\n", BASE64_STANDARD.encode(leaf));
    push_hashes(&mut text, hashes);
    text.push_str(checkpoint);
    text
}

/// The text of a consistency proof from the log's state at size `old` to the checkpoint.
#[must_use]
pub fn consistency_text(old: u64, hashes: &[Hash], checkpoint: &str) -> String {
    let mut text = format!("old {old}\n");
    push_hashes(&mut text, hashes);
    text.push_str(checkpoint);
    text
}

fn push_hashes(text: &mut String, hashes: &[Hash]) {
    for hash in hashes {
        // Writing to a String does not fail.
        let _ = writeln!(text, "{hash}");
    }
    text.push('\n');
}

/// An inclusion proof as it was sent, not verified.
#[derive(Debug, Clone, PartialEq)]
pub struct InclusionProof {
    /// What the `extra` line holds: in our proofs the leaf. Not to be believed before [`verify_inclusion`].
    pub extra: Option<Vec<u8>>,
    /// The place of the leaf.
    pub index: u64,
    hashes: Vec<Hash>,
    checkpoint: String,
}

/// What a verified inclusion proof says.
#[derive(Debug, Clone, PartialEq)]
pub struct Inclusion {
    /// The place of the leaf in the log.
    pub index: u64,
    /// The signed head that commits to it.
    pub checkpoint: Checkpoint,
}

impl InclusionProof {
    /// Reads the text of a proof.
    ///
    /// # Errors
    /// [`VerifyError::Malformed`] when it is not in the format.
    pub fn parse(text: &str) -> Result<Self, VerifyError> {
        let rest = text
            .strip_prefix(INCLUSION_HEADER)
            .and_then(|rest| rest.strip_prefix('\n'))
            .ok_or(VerifyError::Malformed("the first line must be 'c2sp.org/tlog-proof@v1'"))?;
        let (line, after) = next_line(rest)?;
        let (extra, rest) = match line.strip_prefix("extra ") {
            Some(extra) => {
                let extra = BASE64_STANDARD
                    .decode(extra)
                    .map_err(|_| VerifyError::Malformed("the extra line is not base64"))?;
                (Some(extra), after)
            }
            None => (None, rest),
        };
        let (line, rest) = next_line(rest)?;
        let index = line
            .strip_prefix("index ")
            .and_then(decimal)
            .ok_or(VerifyError::Malformed("an 'index' line with a decimal number is missing"))?;
        let (hashes, checkpoint) = read_hashes(rest)?;
        Ok(Self { extra, index, hashes, checkpoint: checkpoint.to_owned() })
    }
}

fn next_line(text: &str) -> Result<(&str, &str), VerifyError> {
    text.split_once('\n').ok_or(VerifyError::Malformed("it ends too early"))
}

/// A decimal in its one spelling.
fn decimal(text: &str) -> Option<u64> {
    let number: u64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

/// Hash lines up to the empty line, and what follows it.
fn read_hashes(mut text: &str) -> Result<(Vec<Hash>, &str), VerifyError> {
    let mut hashes = Vec::new();
    loop {
        let (line, rest) = next_line(text)?;
        text = rest;
        if line.is_empty() {
            return Ok((hashes, text));
        }
        if hashes.len() == MOST_HASHES {
            return Err(VerifyError::Malformed("it has more hashes than any tree is deep"));
        }
        let hash = Hash::parse_hash(line)
            .map_err(|_| VerifyError::Malformed("a line is not the base64 of a SHA-256 hash"))?;
        hashes.push(hash);
    }
}

/// Checks that the log signed by `key` holds `leaf`, as the proof says. Needs no network and no trust in
/// whoever sent the proof.
///
/// # Errors
/// [`VerifyError`] saying what does not hold.
pub fn verify_inclusion(proof: &str, leaf: &[u8], key: &VerifierKey) -> Result<Inclusion, VerifyError> {
    let proof = InclusionProof::parse(proof)?;
    let checkpoint = verify_checkpoint(&proof.checkpoint, key)?;
    let index = proof.index;
    check_record(&proof.hashes, checkpoint.size, checkpoint.root, index, record_hash(leaf))
        .map_err(|_| VerifyError::NotIncluded { index })?;
    Ok(Inclusion { index, checkpoint })
}

/// Checks that the log of the proof's checkpoint begins with the whole log of `old_checkpoint`: that nothing
/// was changed or removed in between. Both must be signed by `key`. Answers the newer head.
///
/// # Errors
/// [`VerifyError`] saying what does not hold.
pub fn verify_consistency(
    proof: &str,
    old_checkpoint: &str,
    key: &VerifierKey,
) -> Result<Checkpoint, VerifyError> {
    let (line, rest) = next_line(proof)?;
    let old_size = line
        .strip_prefix("old ")
        .and_then(decimal)
        .ok_or(VerifyError::Malformed("the first line must be 'old' and a decimal number"))?;
    let (hashes, note) = read_hashes(rest)?;
    let old = verify_checkpoint(old_checkpoint, key)?;
    let new = verify_checkpoint(note, key)?;
    if old.size != old_size {
        return Err(VerifyError::Malformed("its old size is not that of the earlier checkpoint"));
    }
    let holds = match (old.size, new.size) {
        (0, _) => hashes.is_empty() && old.root == EMPTY_HASH,
        (old_size, new_size) if old_size > new_size => false,
        (old_size, new_size) => check_tree(&hashes, new_size, new.root, old_size, old.root).is_ok(),
    };
    if holds { Ok(new) } else { Err(VerifyError::NotConsistent { old: old.size, new: new.size }) }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::*;
    use crate::{
        checkpoint::{LogSigner as _, Origin, sign},
        merkle::{Edge, Proving, TileSet, prove_consistency, prove_inclusion},
        tests::{TestSigner, block_on, tenant},
    };

    struct Log {
        key: VerifierKey,
        tiles: TileSet,
        heads: Vec<(Hash, String)>,
    }

    fn leaf(n: u64) -> Vec<u8> {
        format!("leaf {n}").into_bytes()
    }

    fn log(size: u64) -> Log {
        let signer = TestSigner::new(1);
        let origin = Origin::new("test", tenant()).unwrap();
        let key = VerifierKey::new(&origin, &block_on(signer.public_key()).unwrap()).unwrap();
        let (mut edge, mut tiles, mut heads) = (Edge::default(), TileSet::default(), Vec::new());
        for n in 0..=size {
            let note = block_on(sign(&signer, &origin, n, edge.root())).unwrap();
            heads.push((edge.root(), note));
            for write in edge.append([record_hash(&leaf(n))]) {
                tiles.insert(write.id, write.data);
            }
        }
        Log { key, tiles, heads }
    }

    impl Log {
        fn inclusion(&self, size: usize, index: u64) -> String {
            let (root, note) = &self.heads[size];
            let Proving::Done(hashes) = prove_inclusion(size as u64, *root, index, &self.tiles).unwrap()
            else {
                panic!("all tiles are there")
            };
            inclusion_text(&leaf(index), index, &hashes, note)
        }

        fn consistency(&self, size: usize, old: u64) -> String {
            let (root, note) = &self.heads[size];
            let Proving::Done(hashes) = prove_consistency(size as u64, *root, old, &self.tiles).unwrap()
            else {
                panic!("all tiles are there")
            };
            consistency_text(old, &hashes, note)
        }
    }

    #[test]
    fn every_event_of_a_small_log_is_proven_at_every_size() {
        let log = log(9);
        for size in 1..=9 {
            for index in 0..size as u64 {
                let proof = log.inclusion(size, index);
                let verified = verify_inclusion(&proof, &leaf(index), &log.key).unwrap();
                assert_eq!((verified.index, verified.checkpoint.size), (index, size as u64));
                assert_eq!(InclusionProof::parse(&proof).unwrap().extra.unwrap(), leaf(index));
                assert!(verify_inclusion(&proof, b"another", &log.key).is_err());
                let moved = proof.replacen(&format!("index {index}"), &format!("index {}", index + 1), 1);
                assert!(verify_inclusion(&moved, &leaf(index), &log.key).is_err());
            }
        }
    }

    #[test]
    fn every_earlier_head_is_the_beginning_of_every_later_one() {
        let log = log(9);
        for size in 0..=9_usize {
            for old in 0..=size {
                let proof = log.consistency(size, old as u64);
                let new = verify_consistency(&proof, &log.heads[old].1, &log.key).unwrap();
                assert_eq!(new.size, size as u64);
            }
        }
    }

    #[test]
    fn a_rewritten_history_is_noticed() {
        let honest = log(9);
        let signer = TestSigner::new(1);
        let origin = Origin::new("test", tenant()).unwrap();
        let mut forged = Edge::default();
        forged.append((0..9).map(|n| record_hash(&leaf(if n == 2 { 100 } else { n }))));
        let note = block_on(sign(&signer, &origin, 9, forged.root())).unwrap();
        let proof = honest.consistency(9, 5);
        let (head, _) = proof.split_once("\n\n").unwrap();
        let proof = format!("{head}\n\n{note}");
        assert_eq!(
            verify_consistency(&proof, &honest.heads[5].1, &honest.key),
            Err(VerifyError::NotConsistent { old: 5, new: 9 })
        );
        assert!(verify_consistency(&honest.consistency(5, 5), &honest.heads[9].1, &honest.key).is_err());
    }

    #[test]
    fn a_proof_without_extra_data_is_a_proof() {
        let log = log(3);
        let proof: String =
            log.inclusion(3, 1).split_inclusive('\n').filter(|line| !line.starts_with("extra ")).collect();
        assert!(verify_inclusion(&proof, &leaf(1), &log.key).is_ok());
    }

    proptest! {
        #[test]
        fn a_damaged_proof_never_verifies_and_never_panics(
            at: prop::sample::Index, replacement in "[ -~\n]{0,3}", length in 0_usize..4,
        ) {
            static LOG: LazyLock<Log> = LazyLock::new(|| log(6));
            let log = &*LOG;
            let proof = log.inclusion(6, 4);
            let extra_end = proof.find("index").unwrap();
            let at = extra_end + at.index(proof.len() - extra_end);
            let end = (at + length).min(proof.len());
            if proof.is_char_boundary(at) && proof.is_char_boundary(end) {
                let damaged = format!("{}{replacement}{}", &proof[..at], &proof[end..]);
                if damaged != proof {
                    prop_assert!(verify_inclusion(&damaged, &leaf(4), &log.key).is_err(), "{}", damaged);
                }
            }
        }

        #[test]
        fn no_text_makes_the_verifiers_panic(text in ".{0,200}", lines in "(old|index) [0-9]{1,20}\n([A-Za-z0-9+/=]{44}\n){0,3}\n.{0,40}\n[0-9]{1,20}\n[A-Za-z0-9+/=]{44}\n\n— a [A-Za-z0-9+/=]{8,20}\n") {
            static KEY: LazyLock<VerifierKey> = LazyLock::new(|| log(0).key);
            let key = &*KEY;
            for text in [text.clone(), format!("{INCLUSION_HEADER}\n{text}"), format!("{INCLUSION_HEADER}\n{lines}"), lines.clone()] {
                prop_assert!(verify_inclusion(&text, b"x", key).is_err());
                prop_assert!(verify_consistency(&text, &text, key).is_err());
            }
        }
    }
}

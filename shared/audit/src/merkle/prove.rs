//! Proofs from stored tiles.
//!
//! Reading tiles is the caller's: a prover answers either a proof or the tiles it still wants. A proof is
//! checked against the root before it is answered, since `TileHashReader` 0.2 lets a tile pass unchecked when
//! the right edge has more subtrees than tiles.

use std::{cell::RefCell, collections::HashMap};

use tlog_tiles::{
    EMPTY_HASH, HASH_SIZE, Hash, HashReader as _, Tile, TileHashReader, TileReader, check_record, check_tree,
    prove_record, prove_tree, stored_hash_index, tree_hash,
};

use super::{TILE_HEIGHT, TileId};

/// Tiles read so far.
#[derive(Debug, Default)]
pub struct TileSet {
    tiles: HashMap<TileId, Vec<u8>>,
}

impl TileSet {
    /// Adds a tile as stored.
    pub fn insert(&mut self, id: TileId, data: Vec<u8>) {
        self.tiles.insert(id, data);
    }

    /// Whether a tile was added.
    #[must_use]
    pub fn contains(&self, id: TileId) -> bool {
        self.tiles.contains_key(&id)
    }
}

/// What a prover answers.
#[derive(Debug, Clone, PartialEq)]
pub enum Proving<T = Vec<Hash>> {
    /// What was asked for.
    Done(T),
    /// Tiles to add to the set before asking again.
    Needs(Vec<TileId>),
}

/// Why there is no proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProveError {
    /// The leaf or the earlier size lies outside the log.
    #[error("the log has {size} events: {asked} is outside it")]
    OutOfRange {
        /// What was asked for.
        asked: u64,
        /// The size of the log.
        size: u64,
    },
    /// The stored tiles do not hash to the root.
    #[error("the log's tiles do not hash to the log's root; the stored log was damaged or tampered with")]
    Damaged,
}

struct Shelf<'a> {
    set: &'a TileSet,
    missing: RefCell<Vec<TileId>>,
}

impl TileReader for Shelf<'_> {
    fn height(&self) -> u8 {
        TILE_HEIGHT
    }

    fn read_tiles(&self, tiles: &[Tile]) -> Result<Vec<Vec<u8>>, tlog_tiles::Error> {
        let mut found = Vec::with_capacity(tiles.len());
        for tile in tiles {
            let id = TileId { level: tile.level(), index: tile.level_index() };
            let width = tile.width() as usize * HASH_SIZE;
            match self.set.tiles.get(&id) {
                Some(data) => found.push(data.get(..width).ok_or(tlog_tiles::Error::InvalidTile)?.to_vec()),
                None => self.missing.borrow_mut().push(id),
            }
        }
        if found.len() == tiles.len() { Ok(found) } else { Err(tlog_tiles::Error::InvalidTile) }
    }

    fn save_tiles(&self, _: &[Tile], _: &[Vec<u8>]) {}
}

fn prove<T>(
    size: u64,
    root: Hash,
    set: &TileSet,
    proof: impl FnOnce(&TileHashReader<'_>) -> Result<T, tlog_tiles::Error>,
) -> Result<Proving<T>, ProveError> {
    let shelf = Shelf { set, missing: RefCell::default() };
    let result = proof(&TileHashReader::new(size, root, &shelf));
    let missing = shelf.missing.into_inner();
    if !missing.is_empty() {
        return Ok(Proving::Needs(missing));
    }
    result.map(Proving::Done).map_err(|_| ProveError::Damaged)
}

/// Proves that the log of `size` leaves and this root holds the leaf at `index`.
///
/// # Errors
/// [`ProveError`] when it does not, or the tiles are damaged.
pub fn prove_inclusion(size: u64, root: Hash, index: u64, tiles: &TileSet) -> Result<Proving, ProveError> {
    if index >= size {
        return Err(ProveError::OutOfRange { asked: index, size });
    }
    prove(size, root, tiles, |reader| {
        let proof = prove_record(size, index, reader)?;
        let leaf = reader.read_hashes(&[stored_hash_index(0, index)])?;
        let leaf = leaf.first().copied().ok_or(tlog_tiles::Error::BadMath)?;
        check_record(&proof, size, root, index, leaf)?;
        Ok(proof)
    })
}

/// Proves that the log of `size` leaves and this root begins with all leaves of its state at size `old`.
///
/// # Errors
/// [`ProveError`] when `old` is larger, or the tiles are damaged.
pub fn prove_consistency(size: u64, root: Hash, old: u64, tiles: &TileSet) -> Result<Proving, ProveError> {
    if old > size {
        return Err(ProveError::OutOfRange { asked: old, size });
    }
    if old == 0 || old == size {
        return Ok(Proving::Done(Vec::new()));
    }
    prove(size, root, tiles, |reader| {
        let proof = prove_tree(size, old, reader)?;
        check_tree(&proof, size, root, old, tree_hash(old, reader)?)?;
        Ok(proof)
    })
}

/// The root that the log of `size` leaves and this root had at size `old`.
///
/// # Errors
/// [`ProveError`] when `old` is larger, or the tiles are damaged.
pub fn root_at(size: u64, root: Hash, old: u64, tiles: &TileSet) -> Result<Proving<Hash>, ProveError> {
    if old > size {
        return Err(ProveError::OutOfRange { asked: old, size });
    }
    if old == 0 || old == size {
        return Ok(Proving::Done(if old == 0 { EMPTY_HASH } else { root }));
    }
    prove(size, root, tiles, |reader| {
        let old_root = tree_hash(old, reader)?;
        check_tree(&prove_tree(size, old, reader)?, size, root, old, old_root)?;
        Ok(old_root)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tlog_tiles::record_hash;

    use super::*;
    use crate::merkle::{Edge, TileWrite};

    fn log(size: u64) -> (Edge, TileSet, Vec<Hash>) {
        let mut edge = Edge::default();
        let mut set = TileSet::default();
        let mut roots = vec![edge.root()];
        for n in 0..size {
            for TileWrite { id, data } in edge.append([record_hash(&n.to_be_bytes())]) {
                set.insert(id, data);
            }
            roots.push(edge.root());
        }
        (edge, set, roots)
    }

    /// Asks as a caller with a store does: with an empty set first.
    fn fetched(store: &TileSet, ask: impl Fn(&TileSet) -> Result<Proving, ProveError>) -> Vec<Hash> {
        let mut set = TileSet::default();
        loop {
            match ask(&set).unwrap() {
                Proving::Done(proof) => return proof,
                Proving::Needs(ids) => {
                    for id in ids {
                        assert!(!set.contains(id), "never asks for a tile twice");
                        set.insert(id, store.tiles[&id].clone());
                    }
                }
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))]
        #[test]
        fn every_proof_holds_at_every_size_even_when_the_tiles_have_grown_since(
            total in 1_u64..700, at in 0_u64..1_000_000, old in 0_u64..1_000_000, index in 0_u64..1_000_000,
        ) {
            let (_, store, roots) = log(total);
            let size = at % total + 1;
            let (old, index) = (old % size + 1, index % size);
            let root = roots[usize::try_from(size).unwrap()];
            let old_root = roots[usize::try_from(old).unwrap()];

            let inclusion = fetched(&store, |set| prove_inclusion(size, root, index, set));
            prop_assert!(check_record(&inclusion, size, root, index, record_hash(&index.to_be_bytes())).is_ok());
            prop_assert!(check_record(&inclusion, size, root, index, record_hash(b"other")).is_err());

            let consistency = fetched(&store, |set| prove_consistency(size, root, old, set));
            prop_assert!(check_tree(&consistency, size, root, old, old_root).is_ok());
            prop_assert_eq!(root_at(size, root, old, &store), Ok(Proving::Done(old_root)));
            if old < size {
                prop_assert!(check_tree(&consistency, size, root, old, root).is_err());
            }
        }
    }

    #[test]
    fn a_damaged_tile_gives_no_proof() {
        let (edge, mut store, _) = log(300);
        let id = TileId { level: 0, index: 0 };
        store.tiles.get_mut(&id).unwrap()[40] ^= 1;
        for index in [0, 1, 7, 200] {
            assert_eq!(prove_inclusion(300, edge.root(), index, &store), Err(ProveError::Damaged));
        }
        assert_eq!(prove_consistency(300, edge.root(), 5, &store), Err(ProveError::Damaged));
    }

    #[test]
    fn outside_the_log_there_is_no_proof() {
        let (edge, store, _) = log(3);
        assert!(matches!(prove_inclusion(3, edge.root(), 3, &store), Err(ProveError::OutOfRange { .. })));
        assert!(matches!(prove_consistency(3, edge.root(), 4, &store), Err(ProveError::OutOfRange { .. })));
    }
}

//! The right edge of the tree: the tiles that are not full yet. It is all the state that appending needs.

use std::collections::BTreeMap;

use tlog_tiles::{EMPTY_HASH, HASH_SIZE, Hash, Tile, node_hash};

use super::{TILE_HEIGHT, TILE_WIDTH};

/// The place of a tile in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TileId {
    /// The row of tiles, 0 for the leaves.
    pub level: u8,
    /// The number in its row, from the left.
    pub index: u64,
}

/// A tile as it is after an append: all its hashes so far, replacing what was stored for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TileWrite {
    /// Which tile.
    pub id: TileId,
    /// Its hashes, 32 bytes each; a later state only ever adds bytes at the end.
    pub data: Vec<u8>,
}

/// Stored tiles that do not belong to the stored head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EdgeError {
    /// A tile is missing or shorter than the size says.
    #[error("tile {} of level {} is missing or too short for the log's size", id.index, id.level)]
    TileTooShort {
        /// The tile.
        id: TileId,
    },
    /// The tiles hash to another root than the head's.
    #[error("the log's tiles do not hash to the log's root; the stored log was damaged or tampered with")]
    RootDiffers,
}

/// The state of a log that can be appended to.
#[derive(Debug, Clone, Default)]
pub struct Edge {
    size: u64,
    // INVARIANT: row `l` holds (size >> 8l) mod 256 hashes.
    rows: Vec<Vec<Hash>>,
}

/// Hashes in the partial tile at `level` of a log of `size` leaves, and the tile's place.
fn partial(size: u64, level: u8) -> (TileId, usize) {
    let nodes = size.checked_shr(u32::from(TILE_HEIGHT) * u32::from(level)).unwrap_or(0);
    let width = usize::try_from(nodes % TILE_WIDTH as u64).unwrap_or(0);
    (TileId { level, index: nodes / TILE_WIDTH as u64 }, width)
}

/// The levels a log of `size` leaves has.
fn levels(size: u64) -> u8 {
    (0..8).find(|level| size >> (u32::from(TILE_HEIGHT) * u32::from(*level)) == 0).unwrap_or(8)
}

impl Edge {
    /// The tiles to read before [`Edge::load`], in the order it wants them.
    #[must_use]
    pub fn tiles(size: u64) -> Vec<TileId> {
        (0..levels(size))
            .map(|level| partial(size, level))
            .filter(|(_, width)| *width > 0)
            .map(|(id, _)| id)
            .collect()
    }

    /// The edge of a stored log, checked against the stored root. A tile may hold more hashes than the size
    /// calls for: an append that came after the head was read has added them.
    ///
    /// # Errors
    /// [`EdgeError`] when the tiles are not those of the head.
    pub fn load(
        size: u64,
        root: Hash,
        mut tile: impl FnMut(TileId) -> Option<Vec<u8>>,
    ) -> Result<Self, EdgeError> {
        let mut rows = Vec::new();
        for level in 0..levels(size) {
            let (id, width) = partial(size, level);
            if width == 0 {
                rows.push(Vec::new());
                continue;
            }
            let data = tile(id).unwrap_or_default();
            let data = data.get(..width * HASH_SIZE).ok_or(EdgeError::TileTooShort { id })?;
            let (hashes, _) = data.as_chunks::<HASH_SIZE>();
            rows.push(hashes.iter().map(|bytes| Hash(*bytes)).collect());
        }
        let edge = Self { size, rows };
        if edge.root() == root { Ok(edge) } else { Err(EdgeError::RootDiffers) }
    }

    /// Leaves in the log.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The root hash.
    #[must_use]
    pub fn root(&self) -> Hash {
        let mut root: Option<Hash> = None;
        for row in &self.rows {
            let mut rest = row.as_slice();
            while !rest.is_empty() {
                let (left, subtree) = rest.split_at(rest.len() - (1 << rest.len().trailing_zeros()));
                let hash = Tile::subtree_hash(&bytes(subtree));
                root = Some(root.map_or(hash, |right| node_hash(hash, right)));
                rest = left;
            }
        }
        root.unwrap_or(EMPTY_HASH)
    }

    /// Appends leaves, by their leaf hashes, and answers every tile that changed.
    pub fn append(&mut self, leaves: impl IntoIterator<Item = Hash>) -> Vec<TileWrite> {
        let mut writes = BTreeMap::new();
        for leaf in leaves {
            self.push(leaf, &mut writes);
        }
        writes.into_iter().map(|(id, data)| TileWrite { id, data }).collect()
    }

    fn push(&mut self, leaf: Hash, writes: &mut BTreeMap<TileId, Vec<u8>>) {
        let mut hash = leaf;
        for level in 0_u8.. {
            let (id, _) = partial(self.size, level);
            if self.rows.len() <= usize::from(level) {
                self.rows.push(Vec::with_capacity(TILE_WIDTH));
            }
            let Some(row) = self.rows.get_mut(usize::from(level)) else { break };
            row.push(hash);
            let data =
                writes.entry(id).or_insert_with(|| bytes(row.split_last().map_or(&[], |(_, before)| before)));
            data.extend_from_slice(&hash.0);
            if row.len() < TILE_WIDTH {
                break;
            }
            hash = Tile::subtree_hash(&bytes(row));
            row.clear();
        }
        self.size += 1;
    }
}

fn bytes(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| hash.0).collect()
}

#[cfg(test)]
mod tests {
    use ct_merkle::mem_backed_tree::MemoryBackedTree;
    use proptest::prelude::*;
    use sha2::Sha256;

    use super::*;
    use crate::merkle::record_hash;

    type Store = BTreeMap<TileId, Vec<u8>>;

    /// Appends in batches, storing and loading between them as the sealer does.
    fn grow(batches: &[usize]) -> (Edge, Store) {
        let mut store = Store::new();
        let mut head = (0, EMPTY_HASH);
        let mut next = 0_u64;
        for batch in batches {
            let mut edge = Edge::load(head.0, head.1, |id| store.get(&id).cloned()).unwrap();
            let leaves: Vec<Hash> =
                (next..next + *batch as u64).map(|n| record_hash(&n.to_be_bytes())).collect();
            next += *batch as u64;
            for TileWrite { id, data } in edge.append(leaves) {
                let before = store.insert(id, data.clone()).unwrap_or_default();
                assert!(data.starts_with(&before), "a tile only ever grows at its end");
            }
            head = (edge.size(), edge.root());
        }
        (Edge::load(head.0, head.1, |id| store.get(&id).cloned()).unwrap(), store)
    }

    fn oracle(size: u64) -> Hash {
        let mut tree = MemoryBackedTree::<Sha256, Vec<u8>>::new();
        for n in 0..size {
            tree.push(n.to_be_bytes().to_vec());
        }
        Hash(tree.root().as_bytes()[..].try_into().unwrap())
    }

    #[test]
    fn the_roots_of_rfc_6962_hold() {
        // The test vectors of Certificate Transparency's reference implementation.
        let leaves: [&[u8]; 8] = [
            b"",
            &[0x00],
            &[0x10],
            &[0x20, 0x21],
            &[0x30, 0x31],
            &[0x40, 0x41, 0x42, 0x43],
            &[0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57],
            &[0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f],
        ];
        let roots = [
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ];
        let mut edge = Edge::default();
        assert_eq!(edge.root(), EMPTY_HASH);
        for (leaf, root) in leaves.into_iter().zip(roots) {
            edge.append([record_hash(leaf)]);
            let hex: String = edge.root().0.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(hex, root);
        }
    }

    /// The definition of RFC 6962, section 2.1, word for word.
    fn definition(leaves: std::ops::Range<u64>) -> Hash {
        let count = leaves.end - leaves.start;
        if count == 1 {
            return record_hash(&leaves.start.to_be_bytes());
        }
        let middle = leaves.start + count.next_power_of_two() / 2;
        node_hash(definition(leaves.start..middle), definition(middle..leaves.end))
    }

    #[test]
    fn full_tiles_pass_their_hash_to_the_level_above() {
        let (edge, store) = grow(&[255, 1, 1, 65_279, 1]);
        assert_eq!(edge.size(), 65_537);
        assert_eq!(edge.root(), definition(0..65_537));
        assert_eq!(store[&TileId { level: 2, index: 0 }].len(), HASH_SIZE);
        assert_eq!(store[&TileId { level: 0, index: 256 }].len(), HASH_SIZE);
        assert_eq!(store[&TileId { level: 1, index: 0 }].len(), TILE_WIDTH * HASH_SIZE);
        assert_eq!(store.len(), 257 + 1 + 1);
    }

    #[test]
    fn tiles_of_another_log_are_refused() {
        let (edge, store) = grow(&[300]);
        let mut forged = store.clone();
        forged.get_mut(&TileId { level: 0, index: 1 }).unwrap()[5] ^= 1;
        let load = |store: &Store| Edge::load(edge.size(), edge.root(), |id| store.get(&id).cloned());
        assert!(load(&store).is_ok());
        assert_eq!(load(&forged).unwrap_err(), EdgeError::RootDiffers);
        forged.remove(&TileId { level: 1, index: 0 });
        assert!(matches!(load(&forged), Err(EdgeError::TileTooShort { .. })));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn any_batches_give_the_tree_of_an_independent_implementation(
            batches in prop::collection::vec(0_usize..400, 1..6),
        ) {
            let (edge, _) = grow(&batches);
            prop_assert_eq!(edge.size(), batches.iter().sum::<usize>() as u64);
            prop_assert_eq!(edge.root(), oracle(edge.size()));
        }
    }
}

//! The Merkle log of RFC 6962 over the tiles of C2SP tlog-tiles.
//!
//! A tile of height 8 holds up to 256 hashes of every eighth row of the tree. A log of a million events has
//! three tiles on its right edge: all that appending needs to read.
//!
//! Formats: <https://c2sp.org/tlog-tiles>, <https://www.rfc-editor.org/rfc/rfc6962#section-2.1>.

mod edge;
mod prove;

pub use edge::{Edge, EdgeError, TileId, TileWrite};
pub use prove::{ProveError, Proving, TileSet, prove_consistency, prove_inclusion, root_at};
pub use tlog_tiles::{EMPTY_HASH, HASH_SIZE, Hash, node_hash, record_hash};

/// Rows of the tree in one tile.
pub const TILE_HEIGHT: u8 = 8;

/// Hashes in a full tile.
pub const TILE_WIDTH: usize = 1 << TILE_HEIGHT;

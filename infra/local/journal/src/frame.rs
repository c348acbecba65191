//! How a record is framed: length, checksum, payload.
//!
//! The length field holds the payload's length plus one, so that zeroes (a segment is zero-filled ahead of its
//! writes) never look like a record. The checksum covers the record's position too: bytes that an earlier life
//! of the same disk block left behind do not pass for a record.

/// The most that one record may hold.
pub(crate) const MAX_PAYLOAD: usize = 256 << 20;

/// The bytes before a payload.
pub(crate) const HEADER: usize = 8;

/// Appends the frame of `payload` at `position` to `out`.
pub(crate) fn write(out: &mut Vec<u8>, position: u64, payload: &[u8]) {
    // INVARIANT: callers refuse payloads above MAX_PAYLOAD, so the length fits.
    let length = (payload.len() as u32).wrapping_add(1);
    out.reserve(HEADER + payload.len());
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&checksum(position, length, payload).to_le_bytes());
    out.extend_from_slice(payload);
}

/// What a frame's first bytes say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Head {
    /// Zeroes: nothing was written here.
    Blank,
    /// A payload of this length follows, with this checksum.
    Payload { length: usize, checksum: u32 },
    /// No frame begins like this.
    Nonsense,
}

/// Reads a frame's first bytes.
pub(crate) fn read_head(header: [u8; HEADER]) -> Head {
    let [a, b, c, d, e, f, g, h] = header;
    let length = u32::from_le_bytes([a, b, c, d]);
    let checksum = u32::from_le_bytes([e, f, g, h]);
    match (length, checksum) {
        (0, 0) => Head::Blank,
        (0, _) => Head::Nonsense,
        (length, _) if length as usize > MAX_PAYLOAD + 1 => Head::Nonsense,
        (length, checksum) => Head::Payload { length: length as usize - 1, checksum },
    }
}

/// Whether `payload` is what was written at `position` under this checksum.
pub(crate) fn matches(position: u64, payload: &[u8], sum: u32) -> bool {
    checksum(position, (payload.len() as u32).wrapping_add(1), payload) == sum
}

fn checksum(position: u64, length: u32, payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&position.to_le_bytes());
    hasher.update(&length.to_le_bytes());
    hasher.update(payload);
    hasher.finalize()
}

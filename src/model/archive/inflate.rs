//! Payloads to bytes and back: a raw deflate stream and the declared size go in, exactly that many bytes come out; bytes go in, a raw
//! deflate stream comes out.
//!
//! Invariant: hands out exactly the declared number of bytes, or refuses.
//! Invariant: the deflate stream depends on the bytes only, not on the processor, the threads or the clock.

use crc32fast::Hasher as Crc;
use flate2::{Compress, Decompress, FlushCompress, FlushDecompress, Status};
use xxhash_rust::xxh3::Xxh3;

use super::data::Backing;
use super::error::Fault;

/// Effort of deflate, from 1 to 9. On int8 weights 5 takes a sixth more time than 3 for a tenth fewer bytes; 7 takes two and a half times
/// that of 5.
const EFFORT: u32 = 5;

/// The bytes of a deflate stream, which must be exactly `size` many.
pub(super) fn inflate(payload: &[u8], size: u64) -> Result<Backing, Fault> {
    let no_memory = || Fault::NoMemory(size);
    let wanted = usize::try_from(size).map_err(|_| no_memory())?;
    // One byte more than declared, so that a stream that is too long shows itself.
    let room = wanted.checked_add(1).ok_or_else(no_memory)?;
    let mut bytes = Backing::room(room).ok_or_else(no_memory)?;
    let mut stream = Decompress::new(false);
    loop {
        let (used, made) = (stream.total_in(), stream.total_out());
        let rest = payload.get(index(used)..).unwrap_or_default();
        let free = bytes.bytes_mut().get_mut(index(made)..).unwrap_or_default();
        let status = stream
            .decompress(rest, free, FlushDecompress::Finish)
            .map_err(|error| Fault::Deflate(error.to_string()))?;
        let found = stream.total_out();
        if found > size || (status == Status::StreamEnd && found < size) {
            return Err(Fault::Length {
                declared: size,
                found,
            });
        }
        if status == Status::StreamEnd {
            break;
        }
        if (stream.total_in(), found) == (used, made) {
            return Err(Fault::Deflate("the stream ends too early".to_owned()));
        }
    }
    bytes.truncate(wanted);
    match (payload.len() as u64).saturating_sub(stream.total_in()) {
        0 => Ok(bytes),
        more => Err(Fault::Deflate(format!(
            "it ends {more} bytes before the payload does"
        ))),
    }
}

/// A count of bytes as an index; counts of bytes in memory always fit.
fn index(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

/// A raw deflate stream that holds the bytes.
pub(super) fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut stream = Compress::new(flate2::Compression::new(EFFORT), false);
    // Room for the worst case, so that the stream is made in one call whatever the bytes are.
    let mut out = Vec::with_capacity(bytes.len() + bytes.len() / 8 + 64);
    loop {
        let used = index(stream.total_in());
        let rest = bytes.get(used..).unwrap_or_default();
        match stream.compress_vec(rest, &mut out, FlushCompress::Finish) {
            Ok(Status::StreamEnd) => break,
            Ok(_) => out.reserve(1 << 16),
            Err(error) => unreachable!("a fresh deflate stream takes all bytes: {error}"),
        }
    }
    out.shrink_to_fit();
    out
}

/// Block in which checksum and hash walk over the bytes: small enough to stay in a core's cache between the two.
const BLOCK: usize = 128 * 1024;

/// CRC-32 and content hash of the bytes, in one walk over memory.
pub(super) fn sums(bytes: &[u8]) -> (u32, u128) {
    let mut crc = Crc::new();
    let mut hash = Xxh3::new();
    for block in bytes.chunks(BLOCK) {
        crc.update(block);
        hash.update(block);
    }
    (crc.finalize(), hash.digest128())
}

/// CRC-32 of the bytes.
pub(super) fn crc32(bytes: &[u8]) -> u32 {
    crc32fast::hash(bytes)
}

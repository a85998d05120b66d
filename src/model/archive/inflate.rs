//! Payloads to bytes and back: a raw deflate stream and the declared size go in, exactly that many bytes come out; bytes go in, a raw
//! deflate stream comes out.
//!
//! Invariant: hands out exactly the declared number of bytes, or refuses.
//! Invariant: the deflate stream depends on the bytes only, not on the processor, the threads or the clock.

use flate2::{Compress, Crc, Decompress, FlushCompress, FlushDecompress, Status};
use xxhash_rust::xxh3::Xxh3;

use super::error::Fault;

/// Effort of deflate. Weights are either nearly random or repeat at long distance; more effort than this costs several times the time and
/// gains a few per cent.
const EFFORT: u32 = 3;

/// The bytes of a deflate stream, which must be exactly `size` many.
pub(super) fn inflate(payload: &[u8], size: u64) -> Result<Vec<u8>, Fault> {
    // One byte more than declared, so that a stream that is too long shows itself.
    let capacity = usize::try_from(size)
        .ok()
        .and_then(|size| size.checked_add(1))
        .ok_or(Fault::NoMemory(size))?;
    let mut bytes = Vec::new();
    bytes
        .try_reserve_exact(capacity)
        .map_err(|_| Fault::NoMemory(size))?;
    let mut stream = Decompress::new(false);
    let ends_early = || Fault::Deflate("the stream ends too early".to_owned());
    loop {
        let used = usize::try_from(stream.total_in()).unwrap_or(usize::MAX);
        let rest = payload.get(used..).unwrap_or_default();
        let before = (used as u64, bytes.len());
        let status = stream
            .decompress_vec(rest, &mut bytes, FlushDecompress::Finish)
            .map_err(|error| Fault::Deflate(error.to_string()))?;
        let found = bytes.len() as u64;
        if found > size {
            return Err(Fault::Length {
                declared: size,
                found,
            });
        }
        if status == Status::StreamEnd {
            if found < size {
                return Err(Fault::Length {
                    declared: size,
                    found,
                });
            }
            break;
        }
        if (stream.total_in(), bytes.len()) == before {
            return Err(ends_early());
        }
    }
    match payload.len() as u64 - stream.total_in() {
        0 => Ok(bytes),
        more => Err(Fault::Deflate(format!(
            "it ends {more} bytes before the payload does"
        ))),
    }
}

/// A raw deflate stream that holds the bytes.
pub(super) fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut stream = Compress::new(flate2::Compression::new(EFFORT), false);
    // Room for the worst case, so that the stream is made in one call whatever the bytes are.
    let mut out = Vec::with_capacity(bytes.len() + bytes.len() / 8 + 64);
    loop {
        let used = usize::try_from(stream.total_in()).unwrap_or(usize::MAX);
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
    (crc.sum(), hash.digest128())
}

/// CRC-32 of the bytes.
pub(super) fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}

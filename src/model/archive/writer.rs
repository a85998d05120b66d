//! An archive to write: names and bytes go in, the bytes PyTorch itself would write come out: root folder `archive/`, no dates, flag
//! 0x0800, stored payloads at multiples of 64 by a local extra field `FB` filled with `Z`. Records after PKWARE's APPNOTE 6.3.10.
//!
//! Invariant: the output depends on the members and their order only.
//! Invariant: only sizes and offsets that need 64 bits are written as zip64.

use std::borrow::Cow;
use std::io::{self, Write};

use rustc_hash::FxHashSet;

use super::fan_out::fan_out;
use super::inflate::{crc32, deflate};
use super::member::{Compression, name_fault};

/// The folder every member is put into.
const ROOT: &str = "archive/";

/// Payloads of stored members begin at multiples of this, so that a mapped tensor is aligned for every type.
const ALIGNMENT: u64 = 64;

/// Names are UTF-8.
const FLAGS: u16 = 1 << 11;

/// Sizes, offsets and counts from these on go into the zip64 records.
const WIDE: u64 = u32::MAX as u64;
const MANY: u64 = u16::MAX as u64;

/// Collects members and writes them as one archive.
#[derive(Default)]
pub struct ArchiveWriter<'a> {
    members: Vec<NewMember<'a>>,
    names: FxHashSet<String>,
}

struct NewMember<'a> {
    name: String,
    bytes: Cow<'a, [u8]>,
    compression: Compression,
}

/// A member that is ready to be written.
struct Payload<'a> {
    bytes: Cow<'a, [u8]>,
    crc: u32,
}

/// What the central directory will say about a written member.
struct Written<'a> {
    name: &'a str,
    compression: Compression,
    crc: u32,
    compressed: u64,
    size: u64,
    header: u64,
}

impl<'a> ArchiveWriter<'a> {
    /// An archive without members.
    #[must_use]
    pub fn new() -> ArchiveWriter<'a> {
        ArchiveWriter::default()
    }

    /// Adds a member under `archive/`; members are written in the order they are added.
    ///
    /// # Errors
    /// When the name was added before, or could not be read back (see [`super::Fault::Name`]).
    pub fn add(
        &mut self,
        name: &str,
        bytes: impl Into<Cow<'a, [u8]>>,
        compression: Compression,
    ) -> io::Result<()> {
        let name = format!("{ROOT}{name}");
        let refuse = |why: &str| {
            Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("member `{name}`: {why}"),
            ))
        };
        if let Some(why) = name_fault(&name) {
            return refuse(why);
        }
        if name.len() > usize::from(u16::MAX) {
            return refuse("the name is longer than 65535 bytes");
        }
        if !self.names.insert(name.clone()) {
            return refuse("two members have this name");
        }
        self.members.push(NewMember {
            name,
            bytes: bytes.into(),
            compression,
        });
        Ok(())
    }

    /// Compresses on all cores and writes the archive; gives the number of bytes written.
    ///
    /// # Errors
    /// When `out` refuses bytes.
    pub fn write(&self, out: &mut impl Write) -> io::Result<u64> {
        let payloads = fan_out(
            &self.members,
            |member| member.bytes.len() as u64,
            NewMember::payload,
        );
        let mut at = 0;
        let mut written = Vec::with_capacity(self.members.len());
        for (member, payload) in self.members.iter().zip(&payloads) {
            let entry = Written {
                name: &member.name,
                compression: member.compression,
                crc: payload.crc,
                compressed: payload.bytes.len() as u64,
                size: member.bytes.len() as u64,
                header: at,
            };
            let header = entry.local_header();
            out.write_all(&header)?;
            out.write_all(&payload.bytes)?;
            at += header.len() as u64 + entry.compressed;
            written.push(entry);
        }

        let mut tail = Vec::new();
        for entry in &written {
            entry.directory_entry(&mut tail);
        }
        end_records(&mut tail, written.len() as u64, at);
        out.write_all(&tail)?;
        out.flush()?;
        Ok(at + tail.len() as u64)
    }
}

impl NewMember<'_> {
    fn payload(&self) -> Payload<'_> {
        let bytes = match self.compression {
            Compression::Stored => Cow::Borrowed(&*self.bytes),
            Compression::Deflated => Cow::Owned(deflate(&self.bytes)),
        };
        Payload {
            bytes,
            crc: crc32(&self.bytes),
        }
    }
}

/// Little-endian fields of records.
trait Fields {
    fn u16(&mut self, value: u16);
    fn u32(&mut self, value: u32);
    fn u64(&mut self, value: u64);
}

impl Fields for Vec<u8> {
    fn u16(&mut self, value: u16) {
        self.extend(value.to_le_bytes());
    }

    fn u32(&mut self, value: u32) {
        self.extend(value.to_le_bytes());
    }

    fn u64(&mut self, value: u64) {
        self.extend(value.to_le_bytes());
    }
}

/// A value for a 32-bit field: itself, or the mark that it is in the zip64 field.
fn narrow(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// The same for a 16-bit field.
fn narrow16(value: u64) -> u16 {
    u16::try_from(value).unwrap_or(u16::MAX)
}

/// A length of something that was checked to fit when it was added or is a constant.
fn length(bytes: &[u8]) -> u16 {
    match u16::try_from(bytes.len()) {
        Ok(length) => length,
        Err(_) => unreachable!("names are checked when added, extra fields are below 128 bytes"),
    }
}

/// The zip64 extra field with these values; empty without values.
fn zip64(values: &[u64]) -> Vec<u8> {
    let mut field = Vec::new();
    if !values.is_empty() {
        field.u16(1);
        field.u16(8 * values.len() as u16);
        values.iter().for_each(|&value| field.u64(value));
    }
    field
}

impl Written<'_> {
    /// Method, and the version of the format a reader must know.
    fn method(&self, extra: &[u8]) -> (u16, u16) {
        match self.compression {
            _ if !extra.is_empty() => (
                if self.compression == Compression::Stored {
                    0
                } else {
                    8
                },
                45,
            ),
            Compression::Stored => (0, 0),
            Compression::Deflated => (8, 20),
        }
    }

    fn local_header(&self) -> Vec<u8> {
        // In a local header both sizes go into the zip64 field or none does.
        let wide = self.size >= WIDE || self.compressed >= WIDE;
        let mut extra = if wide {
            zip64(&[self.size, self.compressed])
        } else {
            Vec::new()
        };
        let (method, version) = self.method(&extra);
        if self.compression == Compression::Stored {
            let start = self.header + 30 + self.name.len() as u64 + extra.len() as u64 + 4;
            let padding = start.next_multiple_of(ALIGNMENT) - start;
            extra.extend(*b"FB");
            extra.u16(padding as u16);
            extra.extend(std::iter::repeat_n(b'Z', padding as usize));
        }
        let mut header = Vec::with_capacity(30 + self.name.len() + extra.len());
        header.u32(0x0403_4b50);
        header.u16(version);
        header.u16(FLAGS);
        header.u16(method);
        header.u32(0); // time and date
        header.u32(self.crc);
        header.u32(if wide {
            u32::MAX
        } else {
            narrow(self.compressed)
        });
        header.u32(if wide { u32::MAX } else { narrow(self.size) });
        header.u16(length(self.name.as_bytes()));
        header.u16(length(&extra));
        header.extend(self.name.as_bytes());
        header.extend(extra);
        header
    }

    fn directory_entry(&self, out: &mut Vec<u8>) {
        let values = [self.size, self.compressed, self.header];
        let extra = zip64(
            &values
                .into_iter()
                .filter(|&value| value >= WIDE)
                .collect::<Vec<_>>(),
        );
        let (method, version) = self.method(&extra);
        out.u32(0x0201_4b50);
        out.u16(0); // made by
        out.u16(version);
        out.u16(FLAGS);
        out.u16(method);
        out.u32(0); // time and date
        out.u32(self.crc);
        out.u32(narrow(self.compressed));
        out.u32(narrow(self.size));
        out.u16(length(self.name.as_bytes()));
        out.u16(length(&extra));
        out.u16(0); // comment
        out.u16(0); // disk
        out.u16(0); // internal attributes
        out.u32(0); // external attributes
        out.u32(narrow(self.header));
        out.extend(self.name.as_bytes());
        out.extend(extra);
    }
}

/// The records that end an archive whose central directory is all of `out` and starts at `start`.
fn end_records(out: &mut Vec<u8>, entries: u64, start: u64) {
    let size = out.len() as u64;
    if entries >= MANY || size >= WIDE || start >= WIDE {
        out.u32(0x0606_4b50);
        out.u64(44); // bytes of this record after this field
        out.u16(45); // made by
        out.u16(45); // version needed
        out.u32(0); // this disk
        out.u32(0); // disk of the directory
        out.u64(entries);
        out.u64(entries);
        out.u64(size);
        out.u64(start);
        out.u32(0x0706_4b50);
        out.u32(0); // disk of the record above
        out.u64(start + size);
        out.u32(1); // disks
    }
    out.u32(0x0605_4b50);
    out.u16(0); // this disk
    out.u16(0); // disk of the directory
    out.u16(narrow16(entries));
    out.u16(narrow16(entries));
    out.u32(narrow(size));
    out.u32(narrow(start));
    out.u16(0); // comment
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn sizes_that_need_64_bits_get_them() {
        let giant = |header, compressed, compression| Written {
            name: "archive/data/0",
            compression,
            crc: 0x0102_0304,
            compressed,
            size: 5 << 30,
            header,
        };
        let (size, offset) = ((5_u64 << 30).to_le_bytes(), (6_u64 << 30).to_le_bytes());

        let stored = giant(0, 5 << 30, Compression::Stored).local_header();
        assert_eq!(stored.len() % 64, 0);
        assert_eq!(stored[4..6], [45, 0]);
        assert_eq!(stored[18..26], [0xff; 8]);
        assert_eq!(
            stored[44..64],
            [&[1, 0, 16, 0], &size[..], &size[..]].concat()
        );
        assert_eq!(stored[64..66], *b"FB");

        let deflated = giant(6 << 30, 77, Compression::Deflated);
        let local = deflated.local_header();
        assert_eq!(
            local[44..],
            [&[1, 0, 16, 0], &size[..], &77_u64.to_le_bytes()].concat()
        );
        let mut entry = Vec::new();
        deflated.directory_entry(&mut entry);
        assert_eq!(entry[6..12], [45, 0, 0, 8, 8, 0]);
        assert_eq!(entry[20..28], [77, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]);
        assert_eq!(entry[42..46], [0xff; 4]);
        assert_eq!(
            entry[60..],
            [&[1, 0, 16, 0], &size[..], &offset[..]].concat()
        );
    }

    #[test]
    fn a_directory_beyond_4_gib_gets_the_wide_records() {
        let mut out = vec![9; 46];
        end_records(&mut out, 1, 6 << 30);
        assert_eq!(out.len(), 46 + 56 + 20 + 22);
        assert_eq!(out[46..50], *b"PK\x06\x06");
        assert_eq!(out[94..102], (6_u64 << 30).to_le_bytes());
        assert_eq!(out[110..118], ((6_u64 << 30) + 46).to_le_bytes());
        assert_eq!(out[138..142], [0xff; 4]);
    }
}

//! The form of an archive file. Pure.
//!
//! `SCEPOCH1`, then blocks, then an end mark. A block is a header of 52 bytes (compressed length, length, number of
//! records as u32, last sequence as u64, SHA-256 of these and the compressed bytes; all little-endian) and records,
//! deflated. The end mark is a header with lengths 0, whose checksum is over the checksums of all blocks: a file that is
//! cut off between two blocks lacks it, one with a block taken out has another.
//!
//! A record is sequence (u64), seconds (i64) and nanoseconds (u32) of its first storing, subject, message id, content
//! type and payload, each with its length as u32; a length of all ones says that there is none.

use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use salescommand_domain::Timestamp;
use salescommand_eventlog::{Message, StoredMessage};
use sha2::{Digest as _, Sha256};

/// The first bytes of a file.
pub(crate) const MAGIC: &[u8; 8] = b"SCEPOCH1";
/// Bytes of a block's header.
pub(crate) const HEADER: usize = 52;
/// Bytes of records after which a block is closed.
const BLOCK: usize = 1 << 20;
/// No block is longer: one record of the largest size, and what stands around it.
const LONGEST_BLOCK: usize = 64 << 20;
const NONE: u32 = u32::MAX;

/// What is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Damage {
    #[error("it is no archive of an epoch")]
    NoArchive,
    #[error("it is cut off")]
    CutOff,
    #[error("the block behind event {0} does not have its checksum")]
    Checksum(u64),
    #[error("the block behind event {0} is not readable")]
    Unreadable(u64),
    #[error("event {found} stands where {expected} belongs")]
    Sequence { expected: u64, found: u64 },
    #[error("it goes on behind its end")]
    Trailing,
}

/// A SHA-256.
pub(crate) type Sum = [u8; 32];

/// What a block says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) compressed: usize,
    length: usize,
    records: u32,
    pub(crate) last: u64,
    sum: Sum,
}

/// Digests records as they stand in the file, whatever the blocks.
#[derive(Clone, Default)]
pub(crate) struct Contents(Sha256);

impl Contents {
    pub(crate) fn add(&mut self, record: &StoredMessage) {
        let mut bytes = Vec::with_capacity(record.message.payload.len() + 128);
        encode(record, &mut bytes);
        self.0.update(&bytes);
    }

    pub(crate) fn finish(self) -> String {
        hexadecimal(&self.0.finalize())
    }
}

pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Makes blocks of records.
#[derive(Default)]
pub(crate) struct Blocks {
    open: Vec<u8>,
    records: u32,
    last: u64,
    sums: Sha256,
}

impl Blocks {
    /// Adds a record; gives a block when one is full.
    pub(crate) fn push(&mut self, record: &StoredMessage) -> std::io::Result<Option<Vec<u8>>> {
        encode(record, &mut self.open);
        self.records += 1;
        self.last = record.message.sequence;
        if self.open.len() < BLOCK { Ok(None) } else { self.close().map(Some) }
    }

    fn close(&mut self) -> std::io::Result<Vec<u8>> {
        let mut encoder = DeflateEncoder::new(vec![0; HEADER], Compression::new(4));
        encoder.write_all(&self.open)?;
        let mut block = encoder.finish()?;
        let (compressed, length) = (block.len() - HEADER, self.open.len());
        let mut header = Header { compressed, length, records: self.records, last: self.last, sum: [0; 32] };
        header.sum = header.sum_over(&block[HEADER..]);
        self.sums.update(header.sum);
        block[..HEADER].copy_from_slice(&header.to_bytes());
        self.open.clear();
        self.records = 0;
        Ok(block)
    }

    /// The last block and the end mark.
    pub(crate) fn finish(mut self) -> std::io::Result<Vec<u8>> {
        let mut rest = if self.records > 0 { self.close()? } else { Vec::new() };
        rest.extend(end_mark(self.sums, self.last).to_bytes());
        Ok(rest)
    }
}

fn end_mark(sums: Sha256, last: u64) -> Header {
    let mut sum = [0; 32];
    sum.copy_from_slice(&sums.finalize());
    Header { compressed: 0, length: 0, records: 0, last, sum }
}

/// Follows a file's blocks in order and checks them.
#[derive(Default)]
pub(crate) struct Follow {
    sums: Sha256,
    last: u64,
}

impl Follow {
    /// Takes a header; none if it is the end mark.
    pub(crate) fn header(&mut self, bytes: &[u8; HEADER]) -> Result<Option<Header>, Damage> {
        let header = Header::from_bytes(bytes);
        if header.length == 0 {
            let expected = end_mark(self.sums.clone(), self.last);
            return if header == expected { Ok(None) } else { Err(Damage::Checksum(self.last)) };
        }
        if header.compressed > LONGEST_BLOCK || header.length > LONGEST_BLOCK {
            return Err(Damage::Unreadable(self.last));
        }
        self.sums.update(header.sum);
        Ok(Some(header))
    }

    /// Passes a block over without looking into it.
    pub(crate) fn skip(&mut self, header: &Header) {
        self.last = header.last;
    }

    /// The records of a block.
    pub(crate) fn block(&mut self, header: &Header, bytes: &[u8]) -> Result<Vec<StoredMessage>, Damage> {
        if header.sum_over(bytes) != header.sum {
            return Err(Damage::Checksum(self.last));
        }
        let unreadable = Damage::Unreadable(self.last);
        let mut open = Vec::with_capacity(header.length);
        let mut decoder = DeflateDecoder::new(bytes).take(header.length as u64 + 1);
        decoder.read_to_end(&mut open).map_err(|_| unreadable.clone())?;
        if open.len() != header.length {
            return Err(unreadable);
        }
        let mut rest = Input(&open);
        let mut records = Vec::new();
        for _ in 0..header.records {
            let record = rest.record().ok_or_else(|| unreadable.clone())?;
            let (expected, found) = (self.last + 1, record.message.sequence);
            if found != expected {
                return Err(Damage::Sequence { expected, found });
            }
            self.last = found;
            records.push(record);
        }
        if !rest.0.is_empty() || self.last != header.last {
            return Err(unreadable);
        }
        Ok(records)
    }
}

impl Header {
    fn to_bytes(self) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        bytes[..20].copy_from_slice(&self.lengths());
        bytes[20..].copy_from_slice(&self.sum);
        bytes
    }

    fn lengths(&self) -> [u8; 20] {
        let mut bytes = [0; 20];
        bytes[..4].copy_from_slice(&length(self.compressed).to_le_bytes());
        bytes[4..8].copy_from_slice(&length(self.length).to_le_bytes());
        bytes[8..12].copy_from_slice(&self.records.to_le_bytes());
        bytes[12..].copy_from_slice(&self.last.to_le_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8; HEADER]) -> Self {
        let mut rest = Input(bytes);
        let mut number = || rest.u32().unwrap_or_default();
        let (compressed, length, records) = (number() as usize, number() as usize, number());
        let last = rest.u64().unwrap_or_default();
        let mut sum = [0; 32];
        sum.copy_from_slice(&bytes[20..]);
        Self { compressed, length, records, last, sum }
    }

    fn sum_over(&self, compressed: &[u8]) -> Sum {
        let mut hasher = Sha256::new_with_prefix(self.lengths());
        hasher.update(compressed);
        let mut sum = [0; 32];
        sum.copy_from_slice(&hasher.finalize());
        sum
    }
}

/// A length as it is written; nothing that is stored comes near the largest.
fn length(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(NONE - 1)
}

fn encode(record: &StoredMessage, out: &mut Vec<u8>) {
    let message = &record.message;
    out.extend(message.sequence.to_le_bytes());
    out.extend(record.stored_at.as_second().to_le_bytes());
    out.extend(record.stored_at.subsec_nanosecond().to_le_bytes());
    let texts =
        [Some(message.subject.as_str()), record.message_id.as_deref(), message.content_type.as_deref()];
    for field in texts.map(|text| text.map(str::as_bytes)).into_iter().chain([Some(&message.payload[..])]) {
        out.extend(field.map_or(NONE, |bytes| length(bytes.len())).to_le_bytes());
        out.extend(field.unwrap_or_default());
    }
}

struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.take(4)?.try_into().ok()?))
    }

    fn u64(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(self.take(8)?.try_into().ok()?))
    }

    /// A field; none inside if there is none.
    fn field(&mut self) -> Option<Option<&'a [u8]>> {
        match self.u32()? {
            NONE => Some(None),
            length => self.take(length as usize).map(Some),
        }
    }

    fn text(&mut self) -> Option<Option<String>> {
        match self.field()? {
            Some(bytes) => String::from_utf8(bytes.to_vec()).ok().map(Some),
            None => Some(None),
        }
    }

    fn record(&mut self) -> Option<StoredMessage> {
        let sequence = self.u64()?;
        let (seconds, nanoseconds) = (self.u64()?.cast_signed(), self.u32()?.cast_signed());
        let stored_at = Timestamp::new(seconds, nanoseconds).ok()?;
        let (subject, message_id, content_type) = (self.text()??, self.text()?, self.text()?);
        let payload = self.field()??.to_vec().into();
        let message = Message { sequence, subject, content_type, payload };
        Some(StoredMessage { message, message_id, stored_at })
    }
}

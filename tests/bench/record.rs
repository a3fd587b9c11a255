//! What the pipeline writes, kept in files so that it can be written again by nobody but the driver.
//!
//! One file per consumer, a transaction after the other, each behind its length in 8 bytes. A length within is 4 bytes;
//! both are little endian.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use async_trait::async_trait;
use bson::{Document, RawDocumentBuf};
use salescommand_store::{Batch, Documents, Error, Layer, Operation, Write};

/// Bytes of a transaction's length.
const TRANSACTION: usize = 8;

/// Keeps a record of what is committed.
pub struct Recorder {
    folder: PathBuf,
    files: Mutex<BTreeMap<String, File>>,
}

impl Recorder {
    /// Records into a folder.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder, files: Mutex::default() }
    }

    /// Gives the length of the file before, and the file.
    fn record(&self, batch: &Batch) -> (u64, File) {
        let mut bytes = vec![0; TRANSACTION];
        let position = RawDocumentBuf::try_from(&batch.position).unwrap();
        put(&mut bytes, position.as_bytes());
        put(&mut bytes, &(batch.writes.len() as u32).to_le_bytes());
        for write in &batch.writes {
            put(&mut bytes, write.collection.as_bytes());
            put(&mut bytes, write.id.as_bytes());
            let (kind, document) = match &write.operation {
                Operation::Insert(document) => (0, document.as_bytes()),
                Operation::Replace(document) => (1, document.as_bytes()),
                Operation::Delete => (2, [].as_slice()),
            };
            bytes.push(kind);
            put(&mut bytes, document);
        }
        let length = (bytes.len() - TRANSACTION) as u64;
        bytes[..TRANSACTION].copy_from_slice(&length.to_le_bytes());
        let mut files = self.files.lock().unwrap();
        let file = files.entry(batch.consumer.clone()).or_insert_with(|| {
            let path = self.folder.join(&batch.consumer);
            File::options().append(true).create_new(true).open(path).unwrap()
        });
        let before = file.metadata().unwrap().len();
        file.write_all(&bytes).unwrap();
        (before, file.try_clone().unwrap())
    }
}

fn put(bytes: &mut Vec<u8>, part: &[u8]) {
    bytes.extend((part.len() as u32).to_le_bytes());
    bytes.extend(part);
}

#[async_trait]
impl Layer for Recorder {
    async fn commit(&self, inner: &dyn Documents, batch: Batch) -> Result<i64, Error> {
        // Before it is in: whoever sees its position in the store finds it here.
        let (before, file) = self.record(&batch);
        let committed = inner.commit(batch).await;
        if committed.is_err() {
            file.set_len(before).unwrap();
        }
        committed
    }
}

/// The transactions of one consumer, read back one by one.
pub struct Tape {
    consumer: String,
    file: BufReader<File>,
    left: u64,
    revision: i64,
}

impl Tape {
    /// All tapes of a folder, with their present ends.
    pub fn all(folder: &Path) -> Vec<Self> {
        let mut tapes = Vec::new();
        for entry in std::fs::read_dir(folder).unwrap() {
            let (path, entry) = (entry.as_ref().unwrap().path(), entry.unwrap());
            let consumer = entry.file_name().into_string().unwrap();
            let file = BufReader::new(File::open(path).unwrap());
            tapes.push(Self { consumer, file, left: 0, revision: 0 });
        }
        tapes
    }

    /// Lets it be read up to an end.
    pub fn up_to(&mut self, ends: &BTreeMap<String, u64>, read: u64) {
        self.left = ends.get(&self.consumer).copied().unwrap_or(0) - read;
    }

    /// Whose it is.
    pub fn consumer(&self) -> &str {
        &self.consumer
    }

    /// The next transaction.
    pub fn transaction(&mut self) -> Option<Batch> {
        if self.left == 0 {
            return None;
        }
        let mut length = [0; TRANSACTION];
        self.file.read_exact(&mut length).unwrap();
        self.left -= TRANSACTION as u64;
        let position = self.take();
        let count = self.take();
        let count = u32::from_le_bytes(count.try_into().unwrap());
        let writes = (0..count).map(|_| self.write()).collect();
        self.revision += 1;
        Some(Batch {
            consumer: self.consumer.clone(),
            expected_revision: self.revision - 1,
            position: Document::try_from(RawDocumentBuf::from_bytes(position).unwrap()).unwrap(),
            writes,
        })
    }

    fn write(&mut self) -> Write {
        let collection = String::from_utf8(self.take()).unwrap();
        let id = String::from_utf8(self.take()).unwrap();
        let mut kind = [0];
        self.file.read_exact(&mut kind).unwrap();
        self.left -= 1;
        let document = self.take();
        let operation = match kind[0] {
            0 => Operation::Insert(RawDocumentBuf::from_bytes(document).unwrap()),
            1 => Operation::Replace(RawDocumentBuf::from_bytes(document).unwrap()),
            _ => Operation::Delete,
        };
        Write { collection, id, operation }
    }

    fn take(&mut self) -> Vec<u8> {
        let mut length = [0; 4];
        self.file.read_exact(&mut length).unwrap();
        let mut bytes = vec![0; u32::from_le_bytes(length) as usize];
        self.file.read_exact(&mut bytes).unwrap();
        self.left -= 4 + bytes.len() as u64;
        bytes
    }
}

/// Where the last whole transaction of each tape of a folder ends now.
pub fn ends(folder: &Path) -> BTreeMap<String, u64> {
    let entries = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
    entries.map(|entry| (entry.file_name().into_string().unwrap(), end(&entry.path()))).collect()
}

/// Another process may be writing the last one.
fn end(path: &Path) -> u64 {
    let mut file = File::open(path).unwrap();
    let written = file.metadata().unwrap().len();
    let (mut end, mut length) = (0, [0; TRANSACTION]);
    while end + TRANSACTION as u64 <= written {
        file.seek(SeekFrom::Start(end)).unwrap();
        file.read_exact(&mut length).unwrap();
        let next = end + TRANSACTION as u64 + u64::from_le_bytes(length);
        if next > written {
            break;
        }
        end = next;
    }
    end
}

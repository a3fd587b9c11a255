//! Reads an archive file block by block.

use std::collections::VecDeque;
use std::io::{ErrorKind, SeekFrom};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use salescommand_eventlog::{BatchLimit, Error as LogError, StoredMessage, StoredReader};
use sha2::{Digest as _, Sha256};
use tokio::fs::File;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _, BufReader};

use super::format::{Damage, Follow, HEADER, MAGIC, hexadecimal};

/// An ordered reader of an archive file. Holds one block in memory.
pub(crate) struct FileReader {
    path: PathBuf,
    file: BufReader<File>,
    follow: Follow,
    after: u64,
    ready: VecDeque<StoredMessage>,
    ended: bool,
    /// A read was dropped half-way, so nobody knows where the file stands.
    torn: bool,
    /// Digest and length of all bytes read; only where nothing is skipped.
    sum: Sha256,
    length: u64,
}

impl FileReader {
    /// Opens a file in order to read behind a sequence; none if there is no such file.
    pub(crate) async fn open(path: &Path, after: u64) -> Result<Option<Self>, LogError> {
        let file = match File::open(path).await {
            Ok(file) => BufReader::with_capacity(1 << 16, file),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unreadable(path, &error)),
        };
        let (follow, ready, sum) = (Follow::default(), VecDeque::new(), Sha256::new());
        let path = path.to_owned();
        let mut reader = Self { path, file, follow, after, ready, ended: false, torn: false, sum, length: 0 };
        let magic = reader.take(MAGIC.len()).await.map_err(|_| reader.damaged(&Damage::NoArchive))?;
        if magic != MAGIC {
            return Err(reader.damaged(&Damage::NoArchive));
        }
        Ok(Some(reader))
    }

    /// SHA-256 and length of the file, after it was read from its beginning to its end.
    pub(crate) fn finish(self) -> (String, u64) {
        (hexadecimal(&self.sum.finalize()), self.length)
    }

    fn damaged(&self, damage: &Damage) -> LogError {
        LogError::Refused(format!(
            "the archive {} is damaged: {damage}; take another copy of it",
            self.path.display()
        ))
    }

    async fn take(&mut self, count: usize) -> Result<Vec<u8>, LogError> {
        let mut bytes = vec![0; count];
        match self.file.read_exact(&mut bytes).await {
            Ok(_) => {
                self.sum.update(&bytes);
                self.length += count as u64;
                Ok(bytes)
            }
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Err(self.damaged(&Damage::CutOff)),
            Err(error) => Err(unreadable(&self.path, &error)),
        }
    }

    /// Reads the next block that is wanted into `ready`, or comes to the end.
    async fn fill(&mut self) -> Result<(), LogError> {
        while self.ready.is_empty() && !self.ended {
            let bytes: [u8; HEADER] =
                self.take(HEADER).await?.try_into().map_err(|_| self.damaged(&Damage::CutOff))?;
            let header = self.follow.header(&bytes).map_err(|damage| self.damaged(&damage))?;
            let Some(header) = header else {
                self.end().await?;
                continue;
            };
            if header.last <= self.after {
                let offset = i64::try_from(header.compressed).unwrap_or(i64::MAX);
                let skipped = self.file.seek(SeekFrom::Current(offset)).await;
                skipped.map_err(|error| unreadable(&self.path, &error))?;
                self.follow.skip(&header);
                continue;
            }
            let block = self.take(header.compressed).await?;
            let records = self.follow.block(&header, &block).map_err(|damage| self.damaged(&damage))?;
            self.ready.extend(records.into_iter().filter(|record| record.message.sequence > self.after));
        }
        Ok(())
    }

    async fn end(&mut self) -> Result<(), LogError> {
        let mut more = [0; 1];
        match self.file.read(&mut more).await {
            Ok(0) => self.ended = true,
            Ok(_) => return Err(self.damaged(&Damage::Trailing)),
            Err(error) => return Err(unreadable(&self.path, &error)),
        }
        Ok(())
    }
}

#[async_trait]
impl StoredReader for FileReader {
    /// Empty at the end. A batch is of one block. After a dropped future or an error the file has to be opened anew.
    async fn next_stored(&mut self, limit: BatchLimit) -> Result<Vec<StoredMessage>, LogError> {
        if std::mem::replace(&mut self.torn, true) {
            let path = self.path.display();
            return Err(LogError::Unavailable(format!("reading {path} was interrupted; open it again")));
        }
        self.fill().await?;
        self.torn = false;
        let (mut batch, mut bytes) = (Vec::new(), 0);
        loop {
            let Some(next) = self.ready.front() else { return Ok(batch) };
            bytes += next.message.payload.len();
            if batch.len() == limit.messages || (bytes > limit.bytes && !batch.is_empty()) {
                return Ok(batch);
            }
            batch.extend(self.ready.pop_front());
        }
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> LogError {
    LogError::Unavailable(format!("the archive {} cannot be read: {error}", path.display()))
}

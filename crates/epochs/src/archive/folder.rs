//! Archives in a folder: `<stream>.events` and `<stream>.json` of each epoch, side by side.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use salescommand_domain::raw::{InstanceName, parse_raw_stream, raw_stream};
use salescommand_eventlog::{Error as LogError, StoredReader, StreamStatus};
use tokio::fs::File;
use tokio::io::AsyncWriteExt as _;

use super::format::{Blocks, MAGIC};
use super::manifest::{FORMAT, Manifest};
use super::reader::FileReader;
use crate::Archives;

/// A folder of archived epochs.
#[derive(Debug, Clone)]
pub struct FolderArchives {
    root: PathBuf,
}

impl FolderArchives {
    /// Archives in a folder; it is made when the first epoch is archived.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The manifest of an archived epoch; none if it is not archived here.
    pub async fn manifest(&self, instance: &InstanceName, epoch: u32) -> Result<Option<Manifest>, LogError> {
        self.read_manifest(&self.manifest_path(&raw_stream(instance, epoch))).await
    }

    /// The manifests of all archived epochs, by instance and epoch.
    pub async fn manifests(&self) -> Result<Vec<Manifest>, LogError> {
        let mut found = Vec::new();
        let mut entries = match tokio::fs::read_dir(&self.root).await {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(found),
            entries => entries.map_err(|error| self.failed(&self.root, &error))?,
        };
        while let Some(entry) = entries.next_entry().await.map_err(|error| self.failed(&self.root, &error))? {
            let path = entry.path();
            let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
            let is_manifest = path.extension().is_some_and(|extension| extension == "json");
            if is_manifest && parse_raw_stream(stem).is_some() {
                found.extend(self.read_manifest(&path).await?);
            }
        }
        found.sort_by(|a, b| (&a.instance, a.epoch).cmp(&(&b.instance, b.epoch)));
        Ok(found)
    }

    /// Opens the events of an archived epoch.
    pub(crate) async fn open(&self, manifest: &Manifest, after: u64) -> Result<FileReader, LogError> {
        let path = self.root.join(&manifest.file);
        let reader = FileReader::open(&path, after).await?;
        reader.ok_or_else(|| {
            LogError::Refused(format!("the archive {} is missing; put it back", path.display()))
        })
    }

    /// Begins the file of an epoch, which does not count before [`Self::keep`].
    pub(crate) async fn begin(&self, stream: &str) -> Result<Draft, LogError> {
        let made = tokio::fs::create_dir_all(&self.root).await;
        made.map_err(|error| self.failed(&self.root, &error))?;
        let path = self.root.join(format!("{stream}.partial"));
        let file = File::create(&path).await.map_err(|error| self.failed(&path, &error))?;
        let mut draft = Draft { path, file, blocks: Blocks::default() };
        draft.write(MAGIC).await?;
        Ok(draft)
    }

    /// Opens a draft in order to read it back.
    pub(crate) async fn reopen(&self, draft: &Path) -> Result<FileReader, LogError> {
        let reader = FileReader::open(draft, 0).await?;
        reader.ok_or_else(|| LogError::Unavailable(format!("{} has gone", draft.display())))
    }

    /// Makes a finished and compared draft the archive of its epoch, in place of an earlier one. The file's name holds
    /// its digest, so the manifest, written last, switches from one to the other at once.
    pub(crate) async fn keep(&self, draft: &Path, manifest: &Manifest) -> Result<(), LogError> {
        let before = self.manifest(&manifest.instance, manifest.epoch).await?;
        self.rename(draft, &self.root.join(&manifest.file)).await?;
        let path = self.manifest_path(&manifest.stream);
        let text =
            serde_json::to_vec_pretty(manifest).map_err(|error| LogError::Refused(error.to_string()))?;
        let temporary = path.with_extension("json.partial");
        let write = async {
            let mut file = File::create(&temporary).await?;
            file.write_all(&text).await?;
            file.sync_all().await
        };
        write.await.map_err(|error| self.failed(&temporary, &error))?;
        self.rename(&temporary, &path).await?;
        if let Some(before) = before.filter(|before| before.file != manifest.file) {
            self.remove(&self.root.join(&before.file)).await?;
        }
        Ok(())
    }

    /// Removes an archive and whatever an interrupted attempt has left of it.
    pub(crate) async fn discard(&self, instance: &InstanceName, epoch: u32) -> Result<(), LogError> {
        let stream = raw_stream(instance, epoch);
        self.remove(&self.manifest_path(&stream)).await?;
        self.remove_strays(&stream, None).await
    }

    /// Removes the files of an epoch's events but one: what interrupted attempts have left.
    pub(crate) async fn remove_strays(&self, stream: &str, but: Option<&str>) -> Result<(), LogError> {
        let prefix = format!("{stream}.");
        let failed = |error: &std::io::Error| self.failed(&self.root, error);
        let mut entries = match tokio::fs::read_dir(&self.root).await {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            entries => entries.map_err(|error| failed(&error))?,
        };
        while let Some(entry) = entries.next_entry().await.map_err(|error| failed(&error))? {
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_left = name.ends_with(".events") || name.ends_with(".partial");
            if name.starts_with(&prefix) && is_left && Some(name.as_str()) != but {
                self.remove(&entry.path()).await?;
            }
        }
        Ok(())
    }

    async fn rename(&self, from: &Path, to: &Path) -> Result<(), LogError> {
        let rename = async {
            tokio::fs::rename(from, to).await?;
            // The name is durable when the folder is.
            File::open(&self.root).await?.sync_all().await
        };
        rename.await.map_err(|error| self.failed(to, &error))
    }

    async fn remove(&self, path: &Path) -> Result<(), LogError> {
        match tokio::fs::remove_file(path).await {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(self.failed(path, &error)),
            _ => Ok(()),
        }
    }

    async fn read_manifest(&self, path: &Path) -> Result<Option<Manifest>, LogError> {
        let bytes = match tokio::fs::read(path).await {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            bytes => bytes.map_err(|error| self.failed(path, &error))?,
        };
        let manifest = serde_json::from_slice::<Manifest>(&bytes);
        let refused = |why: String| LogError::Refused(format!("the manifest {} {why}", path.display()));
        let manifest = manifest.map_err(|error| refused(format!("is not readable: {error}")))?;
        if manifest.format > FORMAT {
            return Err(refused(format!("has format {}, newer than {FORMAT}", manifest.format)));
        }
        let named = path.file_stem().is_some_and(|stem| *stem == *manifest.stream);
        let stream = raw_stream(&manifest.instance, manifest.epoch);
        if !named || manifest.stream != stream || manifest.file.contains(['/', '\\']) {
            return Err(refused("names another epoch or file than its own".to_owned()));
        }
        Ok(Some(manifest))
    }

    fn manifest_path(&self, stream: &str) -> PathBuf {
        self.root.join(format!("{stream}.json"))
    }

    fn failed(&self, path: &Path, error: &std::io::Error) -> LogError {
        LogError::Unavailable(format!("{}: {error}", path.display()))
    }
}

/// A file of events that is being written.
pub(crate) struct Draft {
    pub(crate) path: PathBuf,
    file: File,
    blocks: Blocks,
}

impl Draft {
    pub(crate) async fn push(
        &mut self,
        record: &salescommand_eventlog::StoredMessage,
    ) -> Result<(), LogError> {
        let block = self.blocks.push(record).map_err(|error| self.failed(&error))?;
        match block {
            Some(block) => self.write(&block).await,
            None => Ok(()),
        }
    }

    /// Writes the rest; when it returns the file is durable. Gives its path.
    pub(crate) async fn finish(mut self) -> Result<PathBuf, LogError> {
        let rest = std::mem::take(&mut self.blocks).finish().map_err(|error| self.failed(&error))?;
        self.write(&rest).await?;
        self.file.flush().await.map_err(|error| self.failed(&error))?;
        self.file.sync_all().await.map_err(|error| self.failed(&error))?;
        Ok(self.path)
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), LogError> {
        self.file.write_all(bytes).await.map_err(|error| self.failed(&error))
    }

    fn failed(&self, error: &std::io::Error) -> LogError {
        LogError::Unavailable(format!("{}: {error}", self.path.display()))
    }
}

#[async_trait]
impl Archives for FolderArchives {
    async fn describe(&self, instance: &InstanceName, epoch: u32) -> Result<Option<StreamStatus>, LogError> {
        Ok(self.manifest(instance, epoch).await?.map(|manifest| manifest.status()))
    }

    async fn newest(&self, instance: &InstanceName) -> Result<Option<u32>, LogError> {
        let manifests = self.manifests().await?;
        Ok(manifests.iter().filter(|manifest| manifest.instance == *instance).map(|m| m.epoch).max())
    }

    async fn read(
        &self,
        instance: &InstanceName,
        epoch: u32,
        after: u64,
    ) -> Result<Option<Box<dyn StoredReader>>, LogError> {
        let Some(manifest) = self.manifest(instance, epoch).await? else { return Ok(None) };
        if after > manifest.last_sequence {
            let (stream, last) = (manifest.stream, manifest.last_sequence);
            return Err(LogError::Refused(format!(
                "the archive of {stream} ends at {last}, before the position {after} to read on from"
            )));
        }
        Ok(Some(Box::new(self.open(&manifest, after).await?)))
    }
}

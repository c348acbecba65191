//! The keys of a home: in memory for use, on disk before anyone is told of a change.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use ring::rand::SystemRandom;
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    KeySpec, KeysError, blob, files,
    material::{self, Material},
    record::{KeyRecord, MaterialOrigin, MaterialRecord},
    root::RootKey,
};

/// A key, ready for use.
pub(crate) struct Key {
    pub(crate) record: KeyRecord,
    /// In the order of the record's materials.
    materials: Vec<Material>,
}

impl Key {
    /// The material in use.
    pub(crate) fn current(&self) -> Option<(&MaterialRecord, &Material)> {
        Some((self.record.materials.last()?, self.materials.last()?))
    }

    /// The material of this id, in use or rotated out.
    pub(crate) fn material(&self, id: &str) -> Option<&Material> {
        let at = self.record.materials.iter().position(|material| material.id == id)?;
        self.materials.get(at)
    }
}

/// An alias: a second name of a key.
#[derive(Clone, Serialize, serde::Deserialize)]
pub(crate) struct Alias {
    pub(crate) key_id: String,
    pub(crate) created: i64,
    pub(crate) updated: i64,
}

/// All keys and aliases. Reads take a lock for a moment; changes go one after the other, and to disk first.
pub(crate) struct Store {
    directory: PathBuf,
    root: RootKey,
    random: SystemRandom,
    keys: RwLock<BTreeMap<String, Arc<Key>>>,
    aliases: RwLock<Arc<BTreeMap<String, Alias>>>,
    changes: Mutex<()>,
}

impl Store {
    pub(crate) fn open(directory: &Path) -> Result<Self, KeysError> {
        let keys_directory = directory.join("keys");
        files::make_directory(&keys_directory)?;
        let records = read_records(&keys_directory)?;
        let store = Self {
            root: RootKey::open(&directory.join("root.key"), !records.is_empty())?,
            random: SystemRandom::new(),
            keys: RwLock::default(),
            aliases: RwLock::new(Arc::new(read_json(&directory.join("aliases.json"))?.unwrap_or_default())),
            changes: Mutex::default(),
            directory: directory.to_owned(),
        };
        for record in records {
            let key = store.unsealed(record)?;
            store.insert(key);
        }
        Ok(store)
    }

    /// Holds other changes off until dropped: what is read under it stays true for the change that follows.
    pub(crate) fn changing(&self) -> MutexGuard<'_, ()> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn key(&self, id: &str) -> Option<Arc<Key>> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    /// The keys in the order of their ids.
    pub(crate) fn keys(&self) -> Vec<Arc<Key>> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    pub(crate) fn aliases(&self) -> Arc<BTreeMap<String, Alias>> {
        self.aliases.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn random_bytes(&self, length: usize) -> Result<Vec<u8>, KeysError> {
        material::random_bytes(length, &self.random)
    }

    /// A key id that is not in use.
    pub(crate) fn new_id(&self) -> Result<String, KeysError> {
        let failed = || KeysError::Crypto { action: "draw a key id" };
        let mut bytes: [u8; 16] = self.random_bytes(16)?.try_into().map_err(|_| failed())?;
        bytes[6] = (bytes[6] & 0x0f) | 0x40;
        bytes[8] = (bytes[8] & 0x3f) | 0x80;
        Ok(blob::uuid_text(&bytes))
    }

    /// Makes material for a key and seals it.
    pub(crate) fn new_material(
        &self,
        key_id: &str,
        spec: KeySpec,
        origin: MaterialOrigin,
        now: i64,
    ) -> Result<MaterialRecord, KeysError> {
        let id = blob::hex(&self.random_bytes(32)?);
        let bytes = material::generate(spec, &self.random)?;
        let sealed = STANDARD.encode(self.root.seal(&bytes, &seal_name(key_id, &id))?);
        Ok(MaterialRecord { id, made: now, origin, sealed })
    }

    /// Stores a key, new or changed. The caller holds [`Store::changing`].
    pub(crate) fn put(&self, record: KeyRecord) -> Result<Arc<Key>, KeysError> {
        let key = self.unsealed(record)?;
        files::replace(&self.path_of(&key.record.id), &to_json(&key.record)?)?;
        Ok(self.insert(key))
    }

    /// Removes a key and its aliases for good. The caller holds [`Store::changing`].
    pub(crate) fn remove(&self, id: &str) -> Result<(), KeysError> {
        let mut aliases = (*self.aliases()).clone();
        aliases.retain(|_, alias| alias.key_id != id);
        self.put_aliases(aliases)?;
        files::remove(&self.path_of(id))?;
        self.keys.write().unwrap_or_else(PoisonError::into_inner).remove(id);
        Ok(())
    }

    /// Stores the aliases. The caller holds [`Store::changing`].
    pub(crate) fn put_aliases(&self, aliases: BTreeMap<String, Alias>) -> Result<(), KeysError> {
        files::replace(&self.directory.join("aliases.json"), &to_json(&aliases)?)?;
        *self.aliases.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(aliases);
        Ok(())
    }

    fn insert(&self, key: Key) -> Arc<Key> {
        let key = Arc::new(key);
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        keys.insert(key.record.id.clone(), key.clone());
        key
    }

    fn unsealed(&self, record: KeyRecord) -> Result<Key, KeysError> {
        let open = |material: &MaterialRecord| {
            let sealed = STANDARD.decode(&material.sealed).ok()?;
            let bytes = self.root.unseal(&sealed, &seal_name(&record.id, &material.id))?;
            Material::read(record.spec, &bytes)
        };
        let materials: Option<Vec<_>> = record.materials.iter().map(open).collect();
        match materials {
            Some(materials) if !materials.is_empty() => Ok(Key { materials, record }),
            _ => Err(KeysError::Damaged {
                path: self.path_of(&record.id),
                reason: "its material does not open under root.key".into(),
            }),
        }
    }

    fn path_of(&self, id: &str) -> PathBuf {
        self.directory.join("keys").join(format!("{id}.json"))
    }
}

fn seal_name(key_id: &str, material_id: &str) -> String {
    format!("toss-local-keys material {key_id} {material_id}")
}

fn read_records(directory: &Path) -> Result<Vec<KeyRecord>, KeysError> {
    let mut records = Vec::new();
    for entry in fs::read_dir(directory).map_err(files::failed("listed", directory))? {
        let path = entry.map_err(files::failed("listed", directory))?.path();
        if path.extension().is_some_and(|extension| extension == "json")
            && let Some(record) = read_json(&path)?
        {
            records.push(record);
        }
    }
    Ok(records)
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, KeysError> {
    let Some(content) = files::read(path)? else { return Ok(None) };
    serde_json::from_slice(&content).map(Some).map_err(|cause| KeysError::Damaged {
        path: path.to_owned(),
        reason: format!("line {}, column {}", cause.line(), cause.column()),
    })
}

fn to_json(value: &impl Serialize) -> Result<Vec<u8>, KeysError> {
    serde_json::to_vec_pretty(value).map_err(|_| KeysError::Crypto { action: "write a record" })
}

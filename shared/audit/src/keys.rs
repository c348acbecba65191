//! Where data keys come from, and how long a plaintext one may live.

use std::{
    collections::HashMap,
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use toss_kernel::{Clock, id::TenantId};

use crate::envelope::{Binding, DataKey, SealError, Sealed, WrappedKey, open, seal};

/// A failed call of the key service.
#[derive(Debug, thiserror::Error)]
#[error("the key service did not {operation}; check the key's policy and try again")]
pub struct KeyServiceError {
    operation: &'static str,
    #[source]
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl KeyServiceError {
    /// The operation that failed, in words that follow "did not".
    pub fn new(operation: &'static str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { operation, source: source.into() }
    }
}

/// Why an [`Envelope`] could not seal or open.
#[derive(Debug, thiserror::Error)]
pub enum EnvelopeError {
    /// The key service failed.
    #[error(transparent)]
    KeyService(#[from] KeyServiceError),
    /// The cryptography refused.
    #[error(transparent)]
    Seal(#[from] SealError),
}

/// Makes and unwraps data keys for tenants. A key made for one tenant must not unwrap for another.
pub trait DataKeys: Send + Sync {
    /// A new data key of the tenant, in clear and wrapped.
    fn generate(&self, tenant: TenantId) -> impl Future<Output = Result<DataKey, EnvelopeError>> + Send;

    /// The data key behind a wrapped one.
    fn unwrap(
        &self,
        tenant: TenantId,
        wrapped: &WrappedKey,
    ) -> impl Future<Output = Result<DataKey, EnvelopeError>> + Send;
}

impl<K: DataKeys> DataKeys for Arc<K> {
    async fn generate(&self, tenant: TenantId) -> Result<DataKey, EnvelopeError> {
        K::generate(self, tenant).await
    }

    async fn unwrap(&self, tenant: TenantId, wrapped: &WrappedKey) -> Result<DataKey, EnvelopeError> {
        K::unwrap(self, tenant, wrapped).await
    }
}

/// How long and how often a plaintext data key may be used before a new one is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheLimits {
    /// The longest a key stays in memory.
    pub age: Duration,
    /// The most seals under one key. Far below the 2^32 at which random 96-bit nonces become a risk.
    pub uses: u32,
    /// The most keys held, for sealing and for opening each.
    pub keys: usize,
}

impl Default for CacheLimits {
    fn default() -> Self {
        Self { age: Duration::from_secs(300), uses: 100_000, keys: 256 }
    }
}

struct Cached {
    key: Arc<DataKey>,
    expires: Timestamp,
    uses: u32,
}

#[derive(Default)]
struct Cache {
    sealing: HashMap<TenantId, Cached>,
    opening: HashMap<(TenantId, WrappedKey), Cached>,
}

/// Seals and opens under tenants' data keys, with a cache of plaintext keys.
pub struct Envelope<K> {
    keys: K,
    clock: Arc<dyn Clock>,
    limits: CacheLimits,
    cache: Mutex<Cache>,
}

impl<K: DataKeys> Envelope<K> {
    /// An envelope over a key service.
    pub fn new(keys: K, clock: Arc<dyn Clock>, limits: CacheLimits) -> Self {
        Self { keys, clock, limits, cache: Mutex::default() }
    }

    /// Encrypts for a tenant.
    ///
    /// # Errors
    /// [`EnvelopeError`] when the key service or the cipher fails.
    pub async fn seal(
        &self,
        tenant: TenantId,
        binding: &Binding,
        plaintext: &[u8],
    ) -> Result<Sealed, EnvelopeError> {
        let key = self.sealing_key(tenant).await?;
        Ok(seal(&key, binding, plaintext)?)
    }

    /// Decrypts what was sealed for the same tenant and binding.
    ///
    /// # Errors
    /// [`EnvelopeError`] when the key service fails or the ciphertext does not open.
    pub async fn open(
        &self,
        tenant: TenantId,
        binding: &Binding,
        sealed: &Sealed,
    ) -> Result<Vec<u8>, EnvelopeError> {
        let key = self.opening_key(tenant, &sealed.key).await?;
        Ok(open(&key, binding, sealed)?)
    }

    async fn sealing_key(&self, tenant: TenantId) -> Result<Arc<DataKey>, EnvelopeError> {
        let now = self.clock.now();
        {
            let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(cached) = cache.sealing.get_mut(&tenant)
                && cached.expires > now
                && cached.uses < self.limits.uses
            {
                cached.uses += 1;
                return Ok(Arc::clone(&cached.key));
            }
        }
        let key = Arc::new(self.keys.generate(tenant).await?);
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        let cached = self.cached(&key, now);
        make_room(&mut cache.sealing, self.limits.keys, now);
        cache.sealing.insert(tenant, cached);
        // What this function has just sealed it can open without another call.
        let cached = self.cached(&key, now);
        make_room(&mut cache.opening, self.limits.keys, now);
        cache.opening.insert((tenant, key.wrapped().clone()), cached);
        Ok(key)
    }

    async fn opening_key(
        &self,
        tenant: TenantId,
        wrapped: &WrappedKey,
    ) -> Result<Arc<DataKey>, EnvelopeError> {
        let now = self.clock.now();
        let name = (tenant, wrapped.clone());
        {
            let cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(cached) = cache.opening.get(&name)
                && cached.expires > now
            {
                return Ok(Arc::clone(&cached.key));
            }
        }
        let key = Arc::new(self.keys.unwrap(tenant, wrapped).await?);
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        let cached = self.cached(&key, now);
        make_room(&mut cache.opening, self.limits.keys, now);
        cache.opening.insert(name, cached);
        Ok(key)
    }

    fn cached(&self, key: &Arc<DataKey>, now: Timestamp) -> Cached {
        let age = SignedDuration::try_from(self.limits.age).unwrap_or(SignedDuration::MAX);
        let expires = now.saturating_add(age).unwrap_or(Timestamp::MAX);
        Cached { key: Arc::clone(key), expires, uses: 1 }
    }
}

/// Drops what has expired and, if that is not enough, what expires first.
fn make_room<N: Clone + Eq + std::hash::Hash>(cache: &mut HashMap<N, Cached>, limit: usize, now: Timestamp) {
    if cache.len() < limit {
        return;
    }
    cache.retain(|_, cached| cached.expires > now);
    while cache.len() >= limit.max(1) {
        let Some(oldest) =
            cache.iter().min_by_key(|(_, cached)| cached.expires).map(|(name, _)| name.clone())
        else {
            return;
        };
        cache.remove(&oldest);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use toss_kernel::ManualClock;

    use super::*;
    use crate::tests::{block_on, event, tenant};

    #[derive(Default)]
    struct CountingKeys {
        generated: AtomicU32,
        unwrapped: AtomicU32,
    }

    impl CountingKeys {
        fn key(number: u32) -> DataKey {
            let mut plaintext = [0; 32];
            plaintext[..4].copy_from_slice(&number.to_be_bytes());
            DataKey::new(&plaintext, WrappedKey(number.to_be_bytes().to_vec())).unwrap()
        }
    }

    impl DataKeys for CountingKeys {
        async fn generate(&self, _: TenantId) -> Result<DataKey, EnvelopeError> {
            Ok(Self::key(self.generated.fetch_add(1, Ordering::SeqCst)))
        }

        async fn unwrap(&self, _: TenantId, wrapped: &WrappedKey) -> Result<DataKey, EnvelopeError> {
            self.unwrapped.fetch_add(1, Ordering::SeqCst);
            Ok(Self::key(u32::from_be_bytes(wrapped.0.as_slice().try_into().unwrap())))
        }
    }

    fn envelope(uses: u32) -> (Envelope<Arc<CountingKeys>>, Arc<CountingKeys>, Arc<ManualClock>) {
        let keys = Arc::new(CountingKeys::default());
        let clock = Arc::new(ManualClock::new(Timestamp::UNIX_EPOCH));
        let limits = CacheLimits { age: Duration::from_secs(300), uses, keys: 2 };
        (Envelope::new(Arc::clone(&keys), Arc::<ManualClock>::clone(&clock), limits), keys, clock)
    }

    #[test]
    fn a_data_key_is_replaced_after_its_time_and_after_its_uses() {
        let (envelope, keys, clock) = envelope(3);
        let binding = Binding::audit_event(&event(1, "a").header());
        let seal = || block_on(envelope.seal(tenant(), &binding, b"x")).unwrap();
        let first = seal();
        assert_eq!(seal().key, first.key);
        assert_eq!(seal().key, first.key);
        assert_ne!(seal().key, first.key, "the fourth use asks for a new key");
        clock.advance(SignedDuration::from_secs(301));
        seal();
        assert_eq!(keys.generated.load(Ordering::SeqCst), 3);
        assert_eq!(block_on(envelope.open(tenant(), &binding, &first)).unwrap(), b"x");
        assert_eq!(keys.unwrapped.load(Ordering::SeqCst), 1, "the old key has left the cache");
    }

    #[test]
    fn the_cache_never_grows_past_its_limit() {
        let (envelope, ..) = envelope(1);
        let binding = Binding::audit_event(&event(1, "a").header());
        for _ in 0..10 {
            block_on(envelope.seal(tenant(), &binding, b"x")).unwrap();
        }
        let cache = envelope.cache.lock().unwrap();
        assert!(cache.sealing.len() <= 2 && cache.opening.len() <= 2);
    }
}

//! Reads for async tasks: a few readers on blocking threads, shared by all sessions.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Semaphore;
use tokio::task;

use super::error::StoreError;
use super::traits::{Store, StoreReader};
use crate::limits;

#[derive(Clone)]
pub struct ReaderPool {
    shared: Arc<PoolState>,
}

struct PoolState {
    /// One permit for each reader in `idle`.
    permits: Semaphore,
    idle: Mutex<Vec<Box<dyn StoreReader>>>,
}

impl ReaderPool {
    /// The readers open their files on first use.
    pub fn new(store: &dyn Store) -> Result<Self, StoreError> {
        let idle: Result<Vec<_>, _> = (0..limits::READERS).map(|_| store.reader()).collect();
        Ok(Self {
            shared: Arc::new(PoolState {
                permits: Semaphore::new(limits::READERS),
                idle: Mutex::new(idle?),
            }),
        })
    }

    /// Runs a read on a blocking thread as soon as a reader is free. A read that has started runs to its end, even if
    /// the caller is dropped.
    pub async fn run<R: Send + 'static>(
        &self,
        f: impl FnOnce(&mut dyn StoreReader) -> Result<R, StoreError> + Send + 'static,
    ) -> Result<R, StoreError> {
        let permit = self.shared.permits.acquire().await;
        permit.expect("the semaphore is never closed").forget();
        // The job owns the reader: a caller that is dropped does not free a reader that is in use.
        let mut reader = PooledReader::take(Arc::clone(&self.shared));
        match task::spawn_blocking(move || f(reader.get())).await {
            Ok(result) => result,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => Err(StoreError::Io {
                path: PathBuf::new(),
                reason: "the hub is shutting down".to_owned(),
            }),
        }
    }
}

/// A reader out of the pool. It returns to the pool with its permit, also if the read panics or never starts.
struct PooledReader {
    reader: Option<Box<dyn StoreReader>>,
    pool: Arc<PoolState>,
}

impl PooledReader {
    /// The caller holds a permit, which this guard gives back.
    fn take(pool: Arc<PoolState>) -> Self {
        let reader = pool.idle().pop();
        Self { reader, pool }
    }

    fn get(&mut self) -> &mut dyn StoreReader {
        let reader = self.reader.as_mut();
        &mut **reader.expect("a permit stands for a reader in the pool")
    }
}

impl Drop for PooledReader {
    fn drop(&mut self) {
        self.pool.idle().extend(self.reader.take());
        self.pool.permits.add_permits(1);
    }
}

impl PoolState {
    fn idle(&self) -> MutexGuard<'_, Vec<Box<dyn StoreReader>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;
    use crate::store::memory::MemoryStore;
    use crate::store::retention::Retention;

    fn pool() -> ReaderPool {
        let retention = Retention {
            history_age: Duration::ZERO,
            history_bytes: 0,
            pending_age: Duration::ZERO,
            pending_bytes: 0,
            session_age: Duration::ZERO,
        };
        ReaderPool::new(&MemoryStore::new(retention)).unwrap()
    }

    #[tokio::test]
    async fn a_read_waits_while_all_readers_are_busy() {
        let pool = pool();
        let (started, starts) = mpsc::channel();
        let (ends, reads): (Vec<_>, Vec<_>) = (0..limits::READERS + 1)
            .map(|_| {
                let (end, ended) = mpsc::channel::<()>();
                let (pool, started) = (pool.clone(), started.clone());
                let read = tokio::spawn(async move {
                    let wait = move |_: &mut dyn StoreReader| {
                        started.send(()).unwrap();
                        let _ = ended.recv();
                        Ok(())
                    };
                    pool.run(wait).await
                });
                (end, read)
            })
            .unzip();
        let starts = task::spawn_blocking(move || {
            for _ in 0..limits::READERS {
                starts.recv().unwrap();
            }
            starts
        })
        .await
        .unwrap();
        assert!(starts.try_recv().is_err());
        drop(ends);
        for read in reads {
            read.await.unwrap().unwrap();
        }
        assert!(starts.try_recv().is_ok());
    }

    #[tokio::test]
    async fn a_read_that_panics_returns_its_reader() {
        let pool = pool();
        for _ in 0..=limits::READERS {
            let pool = pool.clone();
            let panicking = async move {
                pool.run(|_| -> Result<(), _> { panic!("on purpose") })
                    .await
            };
            assert!(tokio::spawn(panicking).await.is_err());
        }
        assert_eq!(pool.run(|read| read.seq_at(0)).await.unwrap().record, 1);
    }
}

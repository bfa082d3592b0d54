//! Reads for tasks: a few readers on blocking threads, shared by every session. Knows nothing of what is asked.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Semaphore;
use tokio::task;

use super::{Store, StoreError, StoreReader};
use crate::limits;

#[derive(Clone)]
pub struct ReaderPool {
    shared: Arc<Shared>,
}

struct Shared {
    /// As many permits as there are readers in the pool.
    permits: Semaphore,
    pool: Mutex<Vec<Box<dyn StoreReader>>>,
}

impl ReaderPool {
    /// The readers open their files when they are first used.
    pub fn new(store: &dyn Store) -> Result<Self, StoreError> {
        let pool: Result<Vec<_>, _> = (0..limits::READERS).map(|_| store.reader()).collect();
        Ok(Self {
            shared: Arc::new(Shared {
                permits: Semaphore::new(limits::READERS),
                pool: Mutex::new(pool?),
            }),
        })
    }

    /// Runs a read on a blocking thread, once a reader is free. A read that has begun ends even when nobody waits for it
    /// any more.
    pub async fn run<R: Send + 'static>(
        &self,
        f: impl FnOnce(&mut dyn StoreReader) -> Result<R, StoreError> + Send + 'static,
    ) -> Result<R, StoreError> {
        let shared = Arc::clone(&self.shared);
        // The permit travels with the work: a caller that goes away does not free a reader that is still in use.
        let job = async move {
            let shared_by_job = Arc::clone(&shared);
            let permit = shared
                .permits
                .acquire()
                .await
                .expect("the semaphore is never closed");
            permit.forget();
            let mut lent = Lent::new(shared_by_job);
            task::spawn_blocking(move || f(lent.reader())).await
        };
        match job.await {
            Ok(done) => done,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => Err(StoreError::Io {
                path: PathBuf::new(),
                reason: "the hub is ending".to_owned(),
            }),
        }
    }
}

/// A reader out of the pool; it goes back, and its permit with it, also when the work panics or is never begun.
struct Lent {
    reader: Option<Box<dyn StoreReader>>,
    shared: Arc<Shared>,
}

impl Lent {
    /// The caller took a permit.
    fn new(shared: Arc<Shared>) -> Self {
        let reader = shared.pool().pop();
        Self { reader, shared }
    }

    fn reader(&mut self) -> &mut dyn StoreReader {
        let reader = self.reader.as_mut();
        &mut **reader.expect("a permit stands for a reader in the pool")
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.shared.pool().extend(self.reader.take());
        self.shared.permits.add_permits(1);
    }
}

impl Shared {
    fn pool(&self) -> std::sync::MutexGuard<'_, Vec<Box<dyn StoreReader>>> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;
    use crate::store::Retention;
    use crate::store::memory::MemoryStore;

    fn readers() -> ReaderPool {
        let keep = Retention {
            history_age: Duration::ZERO,
            history_bytes: 0,
            pending_age: Duration::ZERO,
            pending_bytes: 0,
            session_age: Duration::ZERO,
        };
        ReaderPool::new(&MemoryStore::new(keep)).unwrap()
    }

    #[tokio::test]
    async fn a_read_too_many_waits_for_one_to_end() {
        let readers = readers();
        let (begun, beginnings) = mpsc::channel();
        let (ends, reads): (Vec<_>, Vec<_>) = (0..limits::READERS + 1)
            .map(|_| {
                let (end, ended) = mpsc::channel::<()>();
                let (readers, begun) = (readers.clone(), begun.clone());
                let read = tokio::spawn(async move {
                    let wait = move |_: &mut dyn StoreReader| {
                        begun.send(()).unwrap();
                        let _ = ended.recv();
                        Ok(())
                    };
                    readers.run(wait).await
                });
                (end, read)
            })
            .unzip();
        let beginnings = task::spawn_blocking(move || {
            for _ in 0..limits::READERS {
                beginnings.recv().unwrap();
            }
            beginnings
        })
        .await
        .unwrap();
        assert!(beginnings.try_recv().is_err());
        drop(ends);
        for read in reads {
            read.await.unwrap().unwrap();
        }
        assert!(beginnings.try_recv().is_ok());
    }

    #[tokio::test]
    async fn a_read_that_panics_gives_its_reader_back() {
        let readers = readers();
        for _ in 0..=limits::READERS {
            let readers = readers.clone();
            let panicking = async move {
                readers
                    .run(|_| -> Result<(), _> { panic!("on purpose") })
                    .await
            };
            assert!(tokio::spawn(panicking).await.is_err());
        }
        assert_eq!(readers.run(|read| read.seq_at(0)).await.unwrap().record, 1);
    }
}

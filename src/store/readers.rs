//! stub
use super::{Read, Store, StoreError};
#[derive(Debug, Clone)]
pub struct Readers;
impl Readers {
    pub fn new(_: &dyn Store) -> Result<Self, StoreError> {
        todo!()
    }
    pub async fn run<R: Send + 'static>(
        &self,
        _f: impl FnOnce(&mut dyn Read) -> Result<R, StoreError> + Send + 'static,
    ) -> Result<R, StoreError> {
        todo!()
    }
}

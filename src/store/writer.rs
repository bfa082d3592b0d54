//! stub
use super::{Done, Op, Store, StoreError};
use std::sync::Arc;
#[derive(Debug)]
pub enum Urgency {
    Now,
    Later,
}
#[derive(Debug)]
pub struct Counters;
impl Counters {
    pub fn expired(&self) -> u64 {
        0
    }
}
#[derive(Debug)]
pub struct Closed;
#[derive(Debug)]
pub struct Writer<T>(std::sync::mpsc::Sender<T>);
impl<T> Clone for Writer<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}
impl<T: Send + 'static> Writer<T> {
    pub fn send(&self, _op: Op, _u: Urgency, _tag: T) -> Result<(), Closed> {
        todo!()
    }
}
pub fn spawn<T, F>(
    _s: Box<dyn Store>,
    _c: fn() -> u64,
    _f: F,
) -> (
    Writer<T>,
    Arc<Counters>,
    std::thread::JoinHandle<Result<(), StoreError>>,
)
where
    T: Send + 'static,
    F: FnMut(Vec<(Done, T)>) + Send + 'static,
{
    todo!()
}

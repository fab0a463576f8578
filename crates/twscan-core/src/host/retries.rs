/// How often one may try again.
#[derive(Debug)]
pub(crate) struct Retries {
    left: u8,
}

impl Retries {
    pub(crate) fn new() -> Self {
        Self { left: 2 }
    }

    /// Uses one up; false where none is left.
    pub(crate) fn take(&mut self) -> bool {
        let some = self.left > 0;
        self.left = self.left.saturating_sub(1);
        some
    }
}

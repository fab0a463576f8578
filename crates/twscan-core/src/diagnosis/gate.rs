/// A threshold that does not flap: what was over it stays over it until it is a tenth below.
#[derive(Debug, Clone, Copy)]
pub(super) struct Gate {
    raise: f64,
}

impl Gate {
    pub(super) const fn at(raise: f64) -> Self {
        Self { raise }
    }

    pub(super) fn is_over(self, now: f64, before: Option<f64>) -> bool {
        now >= self.raise || before.is_some_and(|before| before >= self.raise) && now >= self.raise * 0.9
    }

    #[allow(clippy::cast_precision_loss, reason = "counts below 2^53")]
    pub(super) fn counts(self, now: u64, before: Option<u64>) -> bool {
        self.is_over(now as f64, before.map(|before| before as f64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_over_stays_until_it_is_well_below() {
        let gate = Gate::at(100.0);
        assert!(gate.is_over(100.0, None) && !gate.is_over(99.0, None));
        assert!(gate.is_over(95.0, Some(101.0)) && !gate.is_over(89.0, Some(101.0)));
        assert!(!gate.is_over(95.0, Some(95.0)));
    }
}

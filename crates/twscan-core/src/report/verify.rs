use serde::Serialize;

use super::Header;
use crate::sample::Provenance;
use crate::tuning::{Boot, Checked, Place, Verification};

/// `twscan.verify/1`: live values against what is wanted and against what a boot would set.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct VerifyReport {
    /// Where and when.
    #[serde(flatten)]
    pub header: Header,
    /// `systemd` or `procps`: what sets parameters at boot here, and decides.
    pub loader: &'static str,
    /// Whether any parameter is not as it should be.
    pub drifted: bool,
    /// The parameters.
    pub settings: Vec<VerifiedSetting>,
    /// Lines that no loader understands.
    pub bad_lines: Vec<FileLine>,
}

impl VerifyReport {
    /// The schema's name and version.
    pub const SCHEMA: &'static str = "twscan.verify/1";

    /// The document of a verification.
    #[must_use]
    pub fn new(verification: &Verification, provenance: &Provenance) -> Self {
        let bad = verification.bad_lines.iter();
        Self {
            header: Header::new(Self::SCHEMA, provenance),
            loader: verification.loader.name(),
            drifted: verification.drifted(),
            settings: verification.settings.iter().map(VerifiedSetting::from).collect(),
            bad_lines: bad
                .map(|bad| FileLine {
                    file: bad.path.display().to_string(),
                    line: bad.line,
                    value: bad.text.clone(),
                    why: None,
                })
                .collect(),
        }
    }
}

/// A parameter.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct VerifiedSetting {
    /// `net.ipv4.tcp_tw_reuse`.
    pub key: &'static str,
    /// Its value now; null where this kernel has no such parameter.
    pub live: Option<String>,
    /// Its value after a boot; null where that depends on the machine.
    pub boot: Option<String>,
    /// The value wanted; null where nothing was asked for.
    pub wanted: Option<String>,
    /// The line that sets it at boot; null where the kernel's default stands.
    pub winner: Option<FileLine>,
    /// `ok`, `absent`, `drift-live`, `lost-at-boot`, `drift-boot` or `drift-both`.
    pub status: &'static str,
    /// Lines that another one wins over.
    pub overridden: Vec<FileLine>,
    /// Lines whose value the kernel refuses.
    pub rejected: Vec<FileLine>,
    /// What the other loader would make of it, where that is something else.
    pub other_loader: Option<OtherLoader>,
}

/// A line of a boot file.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct FileLine {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The value, or the whole line where it is not understood.
    pub value: String,
    /// Why the kernel refuses it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// What a loader that the host does not use would do.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct OtherLoader {
    /// `systemd` or `procps`.
    pub loader: &'static str,
    /// The value.
    pub boot: Option<String>,
    /// The line that sets it.
    pub winner: Option<FileLine>,
}

impl From<&Checked> for VerifiedSetting {
    fn from(checked: &Checked) -> Self {
        let Boot { value, winner, overridden, rejected, .. } = &checked.boot;
        let (loader, other) = &checked.other;
        let lines = |places: &[Place]| places.iter().map(FileLine::from).collect();
        Self {
            key: checked.key.name(),
            live: checked.live.clone(),
            boot: value.clone(),
            wanted: checked.wanted.clone(),
            winner: winner.as_ref().map(FileLine::from),
            status: checked.status.name(),
            overridden: lines(overridden),
            rejected: rejected
                .iter()
                .map(|(place, why)| FileLine { why: Some(why.clone()), ..FileLine::from(place) })
                .collect(),
            other_loader: checked.loaders_differ().then(|| OtherLoader {
                loader: loader.name(),
                boot: other.value.clone(),
                winner: other.winner.as_ref().map(FileLine::from),
            }),
        }
    }
}

impl From<&Place> for FileLine {
    fn from(place: &Place) -> Self {
        Self { file: place.file.display().to_string(), line: place.line, value: place.value.clone(), why: None }
    }
}

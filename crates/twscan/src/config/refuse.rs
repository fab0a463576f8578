//! Options of all commands that a command could only ignore.

use super::{Action, Capture, Examine, TuneAction};
use crate::args::{CaptureForm, Format, GlobalArgs};
use crate::failure::Failure;

/// Refuses what has no meaning for this action, rather than to ignore it.
pub(super) fn refuse_what_has_no_meaning(action: &Action, global: &GlobalArgs) -> Result<(), Failure> {
    let text = no_document(action, global.format())
        .or_else(|| no_netns(action, global))
        .or_else(|| no_family(action, global))
        .or_else(|| no_recording(action, global));
    text.map_or(Ok(()), |text| Err(Failure::Usage(text.to_owned())))
}

/// Why there is no document of this format.
fn no_document(action: &Action, format: Format) -> Option<&'static str> {
    if format == Format::Table {
        return None;
    }
    Some(match action {
        Action::Examine(Examine::Check(_) | Examine::Wait(_)) if format == Format::Csv => {
            "check and wait print one line, and no rows: leave out --format csv, or say --json"
        }
        Action::Tune(TuneAction::Undo { .. }) => "tune undo prints what it puts back, as text alone",
        Action::Tune(TuneAction::Export { .. }) => {
            "tune export prints text in the form of the place that --to names: tune plan, with --json, gives a document"
        }
        Action::Capture(_) => {
            "capture writes a recording: for a document read that, as twscan summary --from FILE --json does"
        }
        Action::Examine(Examine::Explain { .. } | Examine::ListPages) if format == Format::Csv => {
            "explain prints pages, and no rows: leave out --format csv, or say --json"
        }
        _ => return None,
    })
}

/// Why this cannot be asked of that network namespace, or of all.
fn no_netns(action: &Action, global: &GlobalArgs) -> Option<&'static str> {
    let one_netns = match action {
        Action::Examine(Examine::Diagnose { question, .. }) => question.interval.is_some(),
        Action::List { .. } | Action::Examine(_) | Action::Selftest { .. } | Action::Compare { .. } => true,
        _ => false,
    };
    let everywhere = global.all_netns;
    let logs = matches!(action, Action::Logs(_));
    if everywhere && one_netns {
        Some(
            "this reads one network namespace: give it with --netns; --all-netns is for summary, by-dest, ports, diagnose \
             without --interval, and capture",
        )
    } else if logs && everywhere {
        Some("logs asks one network namespace what is left: give it with --netns")
    } else if everywhere && matches!(action, Action::Capture(Capture { form: CaptureForm::SsDump, .. })) {
        Some("a dump for ss holds one network namespace: give it with --netns")
    } else {
        None
    }
}

/// Why there is no family to choose.
fn no_family(action: &Action, global: &GlobalArgs) -> Option<&'static str> {
    match action {
        _ if !global.ipv4 && !global.ipv6 => None,
        Action::Logs(_) => Some("-4 and -6 choose sockets, and logs reads text"),
        Action::Capture(_) => Some(
            "a capture holds the sockets of both families: give -4 or -6 to what reads it, as twscan list -4 --from FILE \
             or ss -4",
        ),
        _ => None,
    }
}

/// Why this cannot be asked of a recording.
fn no_recording(action: &Action, global: &GlobalArgs) -> Option<&'static str> {
    global.from.as_ref()?;
    let looks_twice = match action {
        Action::Examine(Examine::Diagnose { question, .. }) => question.interval.is_some(),
        Action::Examine(Examine::Forecast(question)) => question.interval.is_some(),
        _ => false,
    };
    if matches!(action, Action::Selftest { .. }) {
        Some("selftest asks the running kernel, and --from reads a recording: leave out --from")
    } else if looks_twice {
        Some("--interval looks at the kernel again, and a recording's own samples give the rates: leave out --interval")
    } else if matches!(action, Action::Capture(Capture { series: Some(_), .. })) {
        Some("--for looks at the kernel again, and of a recording every sample is written: leave out --for")
    } else if matches!(action, Action::Tune(_)) && global.netns.is_some() {
        Some("--netns beside --from chooses what to read of the recording, and this is no command for that")
    } else {
        None
    }
}

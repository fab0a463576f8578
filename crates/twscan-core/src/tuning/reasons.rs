use super::plan::{Effect, Refusal};
use super::{Goal, Key};
use crate::advice::refusal::why_not;
use crate::kernel::Fact;
use crate::procfs::Settings;

/// Refuses what no plan does, with the reason.
pub(super) fn folklore(goal: &Goal) -> Vec<Refusal> {
    let others = goal.others.iter();
    others.map(|(key, value)| refusal(key, value, why_not(key.rsplit(['.', '/']).next().unwrap_or(key)))).collect()
}

/// Refuses a value of a known parameter that does harm or that this kernel does not have.
pub(super) fn refuse(key: Key, value: &str, settings: &Settings) -> Option<Refusal> {
    let too_old = |fact: Fact| format!("this kernel has no such parameter; it came with {}", fact.since());
    let why = match key {
        Key::MaxTwBuckets
            if value.trim().parse::<u64>().ok().zip(settings.max_tw_buckets).is_some_and(|(to, from)| to < from) =>
        {
            why_not("tcp_max_tw_buckets").to_owned()
        }
        Key::TwReuseDelay if settings.tw_reuse_delay.is_none() => {
            too_old(Fact::ReuseDelay) + ", before the delay is a second"
        }
        Key::PortStepWidth if settings.port_step_width.is_none() => too_old(Fact::StepWidth),
        Key::TwReuse if settings.tw_reuse.is_none() => "this kernel or namespace has no such parameter".to_owned(),
        _ => return None,
    };
    Some(refusal(key.name(), value, &why))
}

/// What the application can do: nothing where all is well without a change.
pub(super) fn application(goal: &Goal, effects: &[Effect], reached: Option<bool>) -> Vec<String> {
    let Some(worst) = effects.iter().min_by(|a, b| a.after.sustainable.total_cmp(&b.after.sustainable)) else {
        return Vec::new();
    };
    let mut advice = Vec::new();
    if reached == Some(false) {
        advice.push("no kernel parameter reaches this goal; the application has to change".to_owned());
        let rate = goal.rate.map(f64::from);
        if rate.is_some_and(|rate| rate <= worst.after.sustainable) {
            advice.push(
                "the ports sustain it, but with more than half of them held each connect() scans half of the range first: a \
                 millisecond instead of microseconds"
                    .to_owned(),
            );
        }
        if let Some(rate) = rate.filter(|_| worst.after.sustainable > 0.0) {
            let addresses = (rate / worst.after.sustainable).ceil();
            advice.push(format!(
                "or spread over {addresses} source addresses, destination addresses or destination ports: each triple has \
                 the whole range (with a source address, set IP_BIND_ADDRESS_NO_PORT)"
            ));
        }
    }
    advice.push(
        "keep connections open and use them again: a pool in the client, in nginx `upstream { server ..; keepalive 64; }` \
         with `proxy_http_version 1.1` and `proxy_set_header Connection \"\"`; a few dozen ports do then"
            .to_owned(),
    );
    advice
}

fn refusal(key: &str, value: &str, why: &str) -> Refusal {
    Refusal { key: key.to_owned(), value: value.to_owned(), why: why.to_owned() }
}

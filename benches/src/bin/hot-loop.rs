//! What twscan does for each socket, and nothing else, for a tool that counts instructions: `hot-loop destinations`.

use std::error::Error;

use twscan_benches::Answer;
use twscan_core::sample::Sampler;
use twscan_core::socket::StateSet;
use twscan_core::tally::StateCounts;

fn main() -> Result<(), Box<dyn Error>> {
    let answer = Answer::new(100_000, 40);
    let sockets = answer.sockets() as u64;
    let total = match std::env::args().nth(1).as_deref() {
        // What making the answer costs, to be taken off the others.
        Some("nothing") => sockets,
        Some("states") => {
            let mut counts = StateCounts::default();
            answer.host().sockets(StateSet::ALL, &[])?.observe(&mut counts)?;
            counts.total()
        }
        Some("destinations") => Sampler::new(&answer.host()).take()?.states.total(),
        _ => return Err("say what to do: nothing, states or destinations".into()),
    };
    if total != sockets {
        return Err(format!("{total} sockets were counted instead of {sockets}").into());
    }
    Ok(())
}

//! The `[scheduler.replicas]` table: a scheduler that fails itself.

use super::declare::table;
use super::diagnostics::Diagnostic;
use super::distributions::{self, DistributionTable};
use super::keys::SchedulerTable;
use super::reader::{Found, Key, Reader};
use super::values::{Quantity, Seconds, Whole};
use crate::distribution::Distribution;
use crate::faults::Replicas;
use crate::time::Duration;

/// More replicas than this are refused: which one changes next is found by looking at all.
pub(super) const MOST_REPLICAS: u64 = 1000;

table! {
    /// The scheduler itself fails: one replica leads, the others stand by.
    ReplicasTable, "[scheduler.replicas]" {
        /// How many there are: the leader and its standbys.
        count: Whole<1, MOST_REPLICAS> = Whole(2);
        /// Time from coming up until failing, of each.
        up: DistributionTable<Seconds>;
        /// Time from failing until coming up again, of each.
        down: DistributionTable<Seconds>;
        /// How long nobody may act after the leader failed.
        lease: Quantity<Seconds> = Quantity::new(0.0);
        /// Time an election takes, once the lease has run out.
        election: DistributionTable<Seconds> = DistributionTable::constant(0.0);
    }
}

/// `Some(None)` when the scheduler never fails.
pub(super) fn lower(table: Option<&SchedulerTable>, reader: &mut Reader) -> Option<Option<Replicas>> {
    let found = match &table?.replicas {
        Key::Broken => return None,
        Key::Found(found) => found,
        Key::Absent | Key::Default(_) => return Some(None),
    };
    let table = &found.value;
    for (key, name) in [(&table.up, "up"), (&table.down, "down")] {
        if key.is_silent() {
            reader.missing_key(found.at, name, ReplicasTable::SHOWN);
        }
    }
    let up = table.up.found().map(|up| distributions::lower_positive(up, "the time until a failure", reader));
    let down = table.down.found().map(|down| distributions::lower(down, reader));
    let election = election(&table.election, reader);
    let replicas = Replicas {
        count: table.count.value()?.0 as u32,
        up: up??,
        down: down??,
        lease: Duration::from_seconds(table.lease.value()?.0)?,
        election: election?,
    };
    never_elected(found, &replicas, reader);
    Some(Some(replicas))
}

fn election(key: &Key<DistributionTable<Seconds>>, reader: &mut Reader) -> Option<Distribution> {
    match key {
        Key::Broken => None,
        Key::Found(found) => distributions::lower(found, reader),
        Key::Absent | Key::Default(_) => Some(Distribution::constant(0.0)),
    }
}

/// Refuses candidates that all fail before they are elected.
fn never_elected(found: &Found<ReplicasTable>, replicas: &Replicas, reader: &mut Reader) {
    let (Distribution::Constant { value: up }, Distribution::Constant { value: election }) =
        (&replicas.up, &replicas.election)
    else {
        return;
    };
    if election > up
        && let Some(given) = found.value.election.found()
    {
        let title = "no replica is up for as long as an election takes";
        let label = format!("{election} s, and each fails after {up} s");
        reader.report(
            Diagnostic::new(title, given.at, label)
                .help("shorten `election`, or lengthen `up`: once its first leader fails there is no other"),
        );
    }
}

/// What a node out of reach holds back, and what waits for a leader, would have to wait for both.
pub(super) fn check_disturbances(table: Option<&SchedulerTable>, disturbed: bool, reader: &mut Reader) {
    if let Some(found) = table.and_then(|table| table.replicas.found()).filter(|_| disturbed) {
        reader.report(
            Diagnostic::new(
                "a scheduler that fails, and nodes that can be disturbed",
                found.key,
                "not supported",
            )
            .help(
                "leave out either `replicas`, or what is slow, pauses, is cut off or lost, and the monitor",
            ),
        );
    }
}

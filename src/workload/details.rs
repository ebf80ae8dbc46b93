//! What only some workloads say of a task, drawn from streams of its own.

use crate::distribution::Distribution;
use crate::random::{Purpose, Stream, StreamKey, Streams, uniform};
use crate::scheduler::details::{NO_KEY, NO_LOCK, NO_SIZE, TaskDetails};
use crate::time::{Duration, Time};
use crate::workload::{ClassDetails, LockDraw, TaskClass};

/// How the details of a class are drawn; there is none for a class that says nothing.
#[derive(Clone, Debug)]
pub(super) struct DetailDraws {
    class: ClassDetails,
    deadlines: StreamKey,
    patience: StreamKey,
    keys: StreamKey,
    users: StreamKey,
    locks: StreamKey,
    sizes: StreamKey,
}

impl DetailDraws {
    pub(super) fn new(class: &TaskClass, streams: Streams) -> Option<DetailDraws> {
        (class.details != ClassDetails::default()).then(|| DetailDraws {
            class: class.details.clone(),
            deadlines: streams.key(Purpose::Deadline),
            patience: streams.key(Purpose::Patience),
            keys: streams.key(Purpose::TaskKey),
            users: streams.key(Purpose::User),
            locks: streams.key(Purpose::Lock),
            sizes: streams.key(Purpose::Size),
        })
    }

    /// Details of the task of this identity. A time that does not fit the clock never comes.
    pub(super) fn draw(&self, identity: u64, arrival: Time) -> TaskDetails {
        let sample = |from: &Distribution, key: StreamKey| from.sample(&mut key.stream(identity));
        let after = |from: &Option<Distribution>, key: StreamKey| {
            let after = from.as_ref().and_then(|from| Duration::from_seconds(sample(from, key)));
            after.and_then(|after| arrival.checked_add(after)).unwrap_or(Time::NEVER)
        };
        let ClassDetails { weight, deadline, patience, key, user, lock, size, zone, demand } = &self.class;
        TaskDetails {
            weight: *weight,
            deadline: after(deadline, self.deadlines),
            gives_up: after(patience, self.patience),
            key: key.as_ref().map_or(NO_KEY, |key| sample(key, self.keys).round() as u64),
            user: user.as_ref().map_or(0, |user| sample(user, self.users).round() as u32),
            lock: lock.map_or(NO_LOCK, |lock| lock.draw(&mut self.locks.stream(identity))),
            // A size beyond all bounds is not unknown.
            size: size
                .as_ref()
                .map_or(NO_SIZE, |size| (sample(size, self.sizes).round() as u64).min(NO_SIZE - 1)),
            zone: *zone,
            demand: *demand,
            ..TaskDetails::default()
        }
    }
}

impl LockDraw {
    /// The lock of one task.
    fn draw(self, stream: &mut Stream) -> u32 {
        let drawn = if self.skew == 0.0 {
            (uniform(stream) * f64::from(self.names)) as u32
        } else {
            let exponent = self.skew;
            Distribution::Zipf { n: u64::from(self.names), exponent }.sample(stream) as u32 - 1
        };
        drawn.min(self.names - 1)
    }
}

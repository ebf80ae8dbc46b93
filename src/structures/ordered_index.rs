//! An ordered set over (key, number) that also finds the first member that fits: used for a queue
//! in which tasks may overtake, and for nodes in order of their room.
//!
//! A treap (Seidel and Aragon 1996) kept in arrays by slot; every subtree knows its smallest demand
//! and its smallest estimate, so that a search skips what cannot fit. Insert and remove take
//! O(log n) expected and allocate nothing once the arrays have grown. A search is O(log n) when one
//! bound decides, and visits more only where small demands and small estimates lie in one subtree
//! but not in one member. Members may be of different kinds; a search can leave out kinds, and
//! subtrees that hold no others.

const NONE: u32 = u32::MAX;

/// The kind of members whose kind is not said, as a set of its own.
pub const NO_KIND: u64 = 1 << 63;

#[derive(Clone, Copy, Debug)]
struct Entry {
    key: u64,
    estimate: u64,
    least_estimate: u64,
    kind: u64,
    kinds: u64,
    number: u32,
    slots: u32,
    least_slots: u32,
    left: u32,
    right: u32,
    priority: u32,
}

const ABSENT: Entry = Entry {
    key: 0,
    estimate: 0,
    least_estimate: 0,
    kind: NO_KIND,
    kinds: NO_KIND,
    number: 0,
    slots: 0,
    least_slots: 0,
    left: NONE,
    right: NONE,
    priority: 0,
};

/// What a task must satisfy to be found: it takes at most `any_slots`, or it takes at most
/// `short_slots` and is estimated at no more than `short_estimate` units of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fit {
    /// Slots that a task of any length may take.
    pub any_slots: u32,
    /// Slots that a short task may take.
    pub short_slots: u32,
    /// The longest estimate that counts as short, in billionths of a unit of work.
    pub short_estimate: u64,
}

impl Fit {
    /// Everybody fits.
    pub const ANY: Fit = Fit { any_slots: u32::MAX, short_slots: 0, short_estimate: 0 };

    #[inline]
    fn admits(&self, slots: u32, estimate: u64) -> bool {
        slots <= self.any_slots || (slots <= self.short_slots && estimate <= self.short_estimate)
    }
}

/// Members in order of (key, number), each named by a slot in dense tables.
#[derive(Clone, Debug)]
pub struct OrderedIndex {
    entries: Vec<Entry>,
    root: u32,
    len: usize,
    /// Kept to use its memory again.
    spine: Vec<u32>,
}

impl Default for OrderedIndex {
    fn default() -> Self {
        OrderedIndex { entries: Vec::new(), root: NONE, len: 0, spine: Vec::new() }
    }
}

impl OrderedIndex {
    /// How many members there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds the member `slot`, which must not be one already.
    pub fn insert(&mut self, slot: u32, key: u64, number: u32, slots: u32, estimate: u64) {
        self.insert_kind(slot, key, number, slots, estimate, NO_KIND);
    }

    /// The same, for a member of a kind: a set of one of 64 kinds.
    pub fn insert_kind(&mut self, slot: u32, key: u64, number: u32, slots: u32, estimate: u64, kind: u64) {
        if slot as usize >= self.entries.len() {
            self.entries.resize(slot as usize + 1, ABSENT);
        }
        // Balance needs priorities without pattern; a hash of the number gives the same tree every time.
        let priority = (u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as u32;
        self.entries[slot as usize] = Entry {
            key,
            estimate,
            least_estimate: estimate,
            kind,
            kinds: kind,
            number,
            slots,
            least_slots: slots,
            left: NONE,
            right: NONE,
            priority,
        };
        let (before, after) = self.split(self.root, (key, number));
        let joined = self.join(before, slot);
        self.root = self.join(joined, after);
        self.len += 1;
    }

    /// Removes the member `slot`.
    ///
    /// # Panics
    /// When it is none.
    pub fn remove(&mut self, slot: u32) {
        let at = self.rank(slot);
        self.root = self.remove_below(self.root, at);
        self.len -= 1;
    }

    /// Gives every member a new key. O(n log n), or O(n) when they keep their places; what it needs to
    /// remember stands in `entries`, which is the caller's so that many indices can share it.
    pub fn rekey(&mut self, entries: &mut Vec<u128>, mut key: impl FnMut(u32) -> u64) {
        entries.clear();
        self.new_ranks(self.root, entries, &mut key);
        let in_order = entries.is_sorted();
        if !in_order {
            entries.sort_unstable();
        }
        for &entry in entries.iter() {
            self.entries[entry as u32 as usize].key = (entry >> 64) as u64;
        }
        if !in_order {
            self.rebuild(entries);
        }
    }

    /// Key, number and slot of all members below `at`, in their present order.
    fn new_ranks(&self, at: u32, entries: &mut Vec<u128>, key: &mut impl FnMut(u32) -> u64) {
        if at == NONE {
            return;
        }
        let Entry { left, right, number, .. } = self.entries[at as usize];
        self.new_ranks(left, entries, key);
        entries.push(u128::from(key(at)) << 64 | u128::from(number) << 32 | u128::from(at));
        self.new_ranks(right, entries, key);
    }

    /// The tree of these members, which are all and in order. O(n): each hangs itself where the way down
    /// the right side of the tree so far has a lower priority.
    fn rebuild(&mut self, entries: &[u128]) {
        let mut spine = std::mem::take(&mut self.spine);
        for &entry in entries {
            let slot = entry as u32;
            let priority = self.entries[slot as usize].priority;
            let mut left = NONE;
            while let Some(&last) = spine.last()
                && self.entries[last as usize].priority < priority
            {
                // Nothing more comes below it.
                self.refresh(last);
                left = last;
                spine.pop();
            }
            (self.entries[slot as usize].left, self.entries[slot as usize].right) = (left, NONE);
            if let Some(&above) = spine.last() {
                self.entries[above as usize].right = slot;
            }
            spine.push(slot);
        }
        self.root = spine.first().copied().unwrap_or(NONE);
        while let Some(slot) = spine.pop() {
            self.refresh(slot);
        }
        self.spine = spine;
    }

    /// The first member in order.
    pub fn first(&self) -> Option<u32> {
        let mut at = self.root;
        if at == NONE {
            return None;
        }
        while self.entries[at as usize].left != NONE {
            at = self.entries[at as usize].left;
        }
        Some(at)
    }

    /// The last member in order, and its key.
    pub fn last(&self) -> Option<(u32, u64)> {
        let mut at = self.root;
        if at == NONE {
            return None;
        }
        while self.entries[at as usize].right != NONE {
            at = self.entries[at as usize].right;
        }
        Some((at, self.entries[at as usize].key))
    }

    /// Adds up to `most` of the last members to `found`, the last first.
    pub fn last_few(&self, most: usize, found: &mut Vec<u32>) {
        let end = found.len() + most;
        self.last_few_below(self.root, end, found);
    }

    fn last_few_below(&self, at: u32, end: usize, found: &mut Vec<u32>) {
        if at == NONE || found.len() >= end {
            return;
        }
        self.last_few_below(self.entries[at as usize].right, end, found);
        if found.len() < end {
            found.push(at);
            self.last_few_below(self.entries[at as usize].left, end, found);
        }
    }

    /// The first member whose key is at least `key`.
    pub fn first_from(&self, key: u64) -> Option<u32> {
        let (mut at, mut found) = (self.root, None);
        while at != NONE {
            let entry = &self.entries[at as usize];
            if entry.key >= key {
                found = Some(at);
                at = entry.left;
            } else {
                at = entry.right;
            }
        }
        found
    }

    /// The first member behind `slot` that fits. `slot` must have been a member, and need not be one
    /// any more.
    pub fn first_behind(&self, slot: u32, fit: &Fit) -> Option<u32> {
        self.first_behind_among(slot, fit, u64::MAX)
    }

    /// The same among members of these kinds.
    pub fn first_behind_among(&self, slot: u32, fit: &Fit, kinds: u64) -> Option<u32> {
        self.search(self.root, Some(self.rank(slot)), fit, kinds)
    }

    /// The first member of all of these kinds that fits.
    pub fn first_fit_among(&self, fit: &Fit, kinds: u64) -> Option<u32> {
        self.search(self.root, None, fit, kinds)
    }

    /// The kind of the member `slot`.
    pub fn kind(&self, slot: u32) -> u64 {
        self.entries[slot as usize].kind
    }

    /// All members in order.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        let mut stack = Vec::new();
        let mut at = self.root;
        std::iter::from_fn(move || {
            while at != NONE {
                stack.push(at);
                at = self.entries[at as usize].left;
            }
            let slot = stack.pop()?;
            at = self.entries[slot as usize].right;
            Some(slot)
        })
    }

    /// Adds the first `most` members to a list, in order, without allocating more than the list does.
    pub fn first_into(&self, most: usize, list: &mut Vec<u32>) {
        let end = list.len().saturating_add(most);
        self.collect(self.root, end, list);
    }

    fn collect(&self, at: u32, end: usize, list: &mut Vec<u32>) {
        if at == NONE || list.len() >= end {
            return;
        }
        self.collect(self.entries[at as usize].left, end, list);
        if list.len() < end {
            list.push(at);
            self.collect(self.entries[at as usize].right, end, list);
        }
    }

    #[inline]
    fn rank(&self, slot: u32) -> (u64, u32) {
        let entry = &self.entries[slot as usize];
        (entry.key, entry.number)
    }

    fn search(&self, at: u32, behind: Option<(u64, u32)>, fit: &Fit, kinds: u64) -> Option<u32> {
        if at == NONE {
            return None;
        }
        let entry = &self.entries[at as usize];
        if entry.kinds & kinds == 0 || !fit.admits(entry.least_slots, entry.least_estimate) {
            return None;
        }
        if behind.is_some_and(|behind| self.rank(at) <= behind) {
            return self.search(entry.right, behind, fit, kinds);
        }
        if let Some(found) = self.search(entry.left, behind, fit, kinds) {
            return Some(found);
        }
        if entry.kind & kinds != 0 && fit.admits(entry.slots, entry.estimate) {
            return Some(at);
        }
        self.search(entry.right, behind, fit, kinds)
    }

    /// Recomputes what a subtree knows from its children.
    fn refresh(&mut self, at: u32) {
        let entry = self.entries[at as usize];
        let (mut slots, mut estimate, mut kinds) = (entry.slots, entry.estimate, entry.kind);
        for child in [entry.left, entry.right] {
            if child != NONE {
                let child = &self.entries[child as usize];
                slots = slots.min(child.least_slots);
                estimate = estimate.min(child.least_estimate);
                kinds |= child.kinds;
            }
        }
        let entry = &mut self.entries[at as usize];
        entry.least_slots = slots;
        entry.least_estimate = estimate;
        entry.kinds = kinds;
    }

    /// Two trees: those before `rank`, those at or after it.
    fn split(&mut self, at: u32, rank: (u64, u32)) -> (u32, u32) {
        if at == NONE {
            return (NONE, NONE);
        }
        if self.rank(at) < rank {
            let (before, after) = self.split(self.entries[at as usize].right, rank);
            self.entries[at as usize].right = before;
            self.refresh(at);
            (at, after)
        } else {
            let (before, after) = self.split(self.entries[at as usize].left, rank);
            self.entries[at as usize].left = after;
            self.refresh(at);
            (before, at)
        }
    }

    /// One tree from two, all of `a` before all of `b`.
    fn join(&mut self, a: u32, b: u32) -> u32 {
        if a == NONE {
            return b;
        }
        if b == NONE {
            return a;
        }
        if self.entries[a as usize].priority >= self.entries[b as usize].priority {
            let right = self.join(self.entries[a as usize].right, b);
            self.entries[a as usize].right = right;
            self.refresh(a);
            a
        } else {
            let left = self.join(a, self.entries[b as usize].left);
            self.entries[b as usize].left = left;
            self.refresh(b);
            b
        }
    }

    fn remove_below(&mut self, at: u32, rank: (u64, u32)) -> u32 {
        assert!(at != NONE, "not a member");
        let entry = self.entries[at as usize];
        match rank.cmp(&(entry.key, entry.number)) {
            std::cmp::Ordering::Equal => return self.join(entry.left, entry.right),
            std::cmp::Ordering::Less => {
                let left = self.remove_below(entry.left, rank);
                self.entries[at as usize].left = left;
            }
            std::cmp::Ordering::Greater => {
                let right = self.remove_below(entry.right, rank);
                self.entries[at as usize].right = right;
            }
        }
        self.refresh(at);
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn agrees_with_a_sorted_list(
            rekeys in any::<u64>(),
            steps in prop::collection::vec((0u32..40, 0u64..4, 1u32..6, 0u64..6, 0u32..6, 0u32..6, 0u64..6), 1..200),
        ) {
            let mut index = OrderedIndex::default();
            let mut list: Vec<(u64, u32, u32, u64)> = Vec::new();
            for (slot, key, slots, estimate, any_slots, short_slots, short_estimate) in steps {
                if let Some(position) = list.iter().position(|row| row.1 == slot) {
                    list.remove(position);
                    index.remove(slot);
                } else {
                    list.push((key, slot, slots, estimate));
                    list.sort_unstable();
                    index.insert_kind(slot, key, slot, slots, estimate, 1 << (slot % 3));
                }
                if rekeys.rotate_right(list.len() as u32) & 3 == 0 {
                    // Keys in their old order, or in quite another one.
                    let new_key = |slot: u32, key: u64| {
                        if estimate < 2 { key + 1 } else { u64::from(slot) * 2_654_435_761 % 5 }
                    };
                    list.iter_mut().for_each(|row| row.0 = new_key(row.1, row.0));
                    let keys: Vec<u64> =
                        (0..40).map(|slot| list.iter().find(|row| row.1 == slot).map_or(0, |row| row.0)).collect();
                    list.sort_unstable();
                    index.rekey(&mut Vec::new(), |slot| keys[slot as usize]);
                }
                prop_assert_eq!(index.len(), list.len());
                prop_assert_eq!(index.first(), list.first().map(|row| row.1));
                let order: Vec<u32> = index.iter().collect();
                let expected: Vec<u32> = list.iter().map(|row| row.1).collect();
                prop_assert_eq!(order, expected);
                let from = list.iter().find(|row| row.0 >= u64::from(any_slots)).map(|row| row.1);
                prop_assert_eq!(index.first_from(u64::from(any_slots)), from);
                let fit = Fit { any_slots, short_slots, short_estimate };
                let scan = list.iter().find(|row| fit.admits(row.2, row.3)).map(|row| row.1);
                prop_assert_eq!(index.first_fit_among(&fit, u64::MAX), scan);
                if let Some(head) = index.first() {
                    let scan = list.iter().skip(1).find(|row| fit.admits(row.2, row.3)).map(|row| row.1);
                    prop_assert_eq!(index.first_behind(head, &fit), scan);
                    let kinds = u64::from(any_slots);
                    let of_kind = |slot: u32| kinds & 1 << (slot % 3) != 0;
                    let fitting = |row: &&(u64, u32, u32, u64)| of_kind(row.1) && fit.admits(row.2, row.3);
                    let scan = list.iter().skip(1).find(fitting).map(|row| row.1);
                    prop_assert_eq!(index.first_behind_among(head, &fit, kinds), scan);
                }
            }
        }
    }
}

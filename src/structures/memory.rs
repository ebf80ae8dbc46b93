//! How memory is asked for and fetched. It changes how long a program waits, never what it computes.

use std::any::Any;
use std::cell::RefCell;
use std::ops::{Deref, DerefMut};

const LARGE_PAGE: usize = 2 << 20;

/// Fetches `table[index]` into the cache, if there is such a place.
#[inline]
pub fn prefetch<T>(table: &[T], index: usize) {
    #[cfg(target_arch = "x86_64")]
    if let Some(place) = table.get(index) {
        // SAFETY: a prefetch is a hint; it reads nothing a program can see and cannot fault, and the
        // address is that of a live reference.
        #[allow(unsafe_code)]
        unsafe {
            std::arch::x86_64::_mm_prefetch(
                std::ptr::from_ref(place).cast::<i8>(),
                std::arch::x86_64::_MM_HINT_T0,
            );
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (table, index);
}

/// A table of `length` times `value`, in large pages where it is large.
pub fn filled<T: Copy>(value: T, length: usize) -> Vec<T> {
    let mut table = Vec::new();
    reserve(&mut table, length);
    table.resize(length, value);
    table
}

/// Makes room for `additional` more elements and, where that is much, asks for large pages.
///
/// A batch of a million tasks that is worked off in another order than it came touches memory at
/// random: with pages of 4 KiB nearly every touch misses the translation cache, and filling them
/// one fault at a time takes as long as simulating.
pub fn reserve<T>(table: &mut Vec<T>, additional: usize) {
    if table.try_reserve(additional).is_err() {
        // Perhaps less is needed than was thought.
        return;
    }
    #[cfg(target_os = "linux")]
    {
        let start = (table.as_ptr() as usize).next_multiple_of(LARGE_PAGE);
        let end = table.as_ptr() as usize + table.capacity() * size_of::<T>();
        if end >= start + LARGE_PAGE {
            // SAFETY: the range lies within one live allocation; the advice changes only which pages
            // the kernel backs it with. A kernel that cannot do it says so, which does not matter.
            #[allow(unsafe_code)]
            unsafe {
                libc::madvise(start as *mut libc::c_void, end - start, libc::MADV_HUGEPAGE);
            }
        }
    }
}

thread_local! {
    /// Of each type of element the memory of the largest table that was dropped, if it was large.
    static LEFT: RefCell<Vec<Box<dyn Any>>> = const { RefCell::new(Vec::new()) };
}

/// A table that leaves its memory, if that is much, to the next of its kind on the same thread.
///
/// Replications run one after another. What one gives back to the kernel the next would get page by
/// page, each filled with zeros: for a large batch a third of the time of a run. A thread keeps one
/// table per type at most, no larger than the largest it needed.
#[derive(Clone, Debug)]
pub struct Kept<T: Copy + 'static>(Vec<T>);

impl<T: Copy> Default for Kept<T> {
    fn default() -> Self {
        Kept(Vec::new())
    }
}

impl<T: Copy> Kept<T> {
    /// Makes room for `additional` more elements, in what an earlier table left if there is any.
    pub fn reserve_large(&mut self, additional: usize) {
        if self.0.capacity() == 0 && additional.saturating_mul(size_of::<T>()) >= LARGE_PAGE {
            self.0 = take_left().unwrap_or_default();
        }
        reserve(&mut self.0, additional);
    }
}

fn take_left<T: 'static>() -> Option<Vec<T>> {
    LEFT.with_borrow_mut(|left| {
        let at = left.iter().position(|table| table.is::<Vec<T>>())?;
        left.swap_remove(at).downcast().ok().map(|table| *table)
    })
}

impl<T: Copy> Drop for Kept<T> {
    fn drop(&mut self) {
        let mut table = std::mem::take(&mut self.0);
        if table.capacity() * size_of::<T>() < LARGE_PAGE {
            return;
        }
        table.clear();
        // When the thread ends there may be nobody left to leave it to.
        let _ = LEFT.try_with(|left| {
            let mut left = left.borrow_mut();
            match left.iter_mut().find_map(|other| other.downcast_mut::<Vec<T>>()) {
                Some(other) if other.capacity() >= table.capacity() => {}
                Some(other) => *other = table,
                None => left.push(Box::new(table)),
            }
        });
    }
}

impl<T: Copy> Deref for Kept<T> {
    type Target = Vec<T>;

    #[inline]
    fn deref(&self) -> &Vec<T> {
        &self.0
    }
}

impl<T: Copy> DerefMut for Kept<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut Vec<T> {
        &mut self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Copy)]
    struct Row([u64; 16]);

    fn table(rows: usize) -> Kept<Row> {
        let mut table = Kept::default();
        table.reserve_large(rows);
        table
    }

    #[test]
    fn the_next_table_gets_the_memory_of_the_last_and_nothing_in_it() {
        let mut first = table(50_000);
        first.push(Row([7; 16]));
        let (place, room) = (first.as_ptr(), first.capacity());
        drop(first);
        let second = table(20_000);
        assert_eq!((second.as_ptr(), second.capacity(), second.len()), (place, room, 0));
        // There is one to be had, not two, and the larger is kept.
        let third = table(20_000);
        assert_ne!(third.as_ptr(), place);
        drop(second);
        drop(third);
        assert_eq!(table(30_000).as_ptr(), place);
    }

    #[test]
    fn small_tables_go_back() {
        drop(table(10));
        assert!(take_left::<Row>().is_none());
        assert_eq!(Row([3; 16]).0[15], 3);
    }
}

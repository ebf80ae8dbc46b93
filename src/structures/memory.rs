//! Hints to the machine about memory. They change how long a program waits, never what it computes.

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

/// Fetches all cache lines of `table[index]`, if there is such a place.
#[inline]
pub fn prefetch_whole<T>(table: &[T], index: usize) {
    const LINE: usize = 64;
    let Some(place) = table.get(index) else { return };
    let start = std::ptr::from_ref(place).cast::<u8>();
    // SAFETY: all bytes of a live value are within one allocation; they are named, not read.
    #[allow(unsafe_code)]
    let bytes =
        unsafe { std::slice::from_raw_parts(start.cast::<std::mem::MaybeUninit<u8>>(), size_of::<T>()) };
    for at in (0..size_of::<T>()).step_by(LINE) {
        prefetch(bytes, at);
    }
}

/// A table of `length` times `value`, in large pages where it is large.
pub fn filled<T: Copy>(value: T, length: usize) -> Vec<T> {
    let mut table = Vec::new();
    reserve(&mut table, length);
    table.resize(length, value);
    table
}

/// A table like that of the iterator, in large pages where it is large.
pub fn collected<T>(values: impl ExactSizeIterator<Item = T>) -> Vec<T> {
    let mut table = Vec::new();
    reserve(&mut table, values.len());
    table.extend(values);
    table
}

/// Makes a table at least so long, with `value` in new places; where it must move to grow, to twice the
/// room, and in large pages where that is much.
#[inline]
pub fn lengthen<T: Clone>(table: &mut Vec<T>, length: usize, value: T) {
    if length <= table.len() {
        return;
    }
    if length > table.capacity() {
        let more = length.max(2 * table.capacity()) - table.len();
        reserve(table, more);
    }
    table.resize(length, value);
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
        const LARGE_PAGE: usize = 2 << 20;
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

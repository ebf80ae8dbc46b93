//! Asking the processor to fetch memory before it is needed.

/// Fetches `table[index]` into the cache, if there is such a place. Never changes what a program
/// computes, only how long it waits.
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

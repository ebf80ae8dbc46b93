//! Assertions that can be told instead of ending the program: for those who look for broken rules.

/// Ends the function with an error unless the condition holds.
macro_rules! ensure {
    ($holds:expr, $($what:tt)+) => {
        if !$holds {
            return Err(format!($($what)+));
        }
    };
}

/// Ends the function with an error unless both are equal.
macro_rules! ensure_eq {
    ($left:expr, $right:expr, $($what:tt)+) => {
        match (&$left, &$right) {
            (left, right) => ensure!(
                *left == *right,
                "{}: {left:?} is not {right:?}",
                format_args!($($what)+)
            ),
        }
    };
}

pub(crate) use {ensure, ensure_eq};

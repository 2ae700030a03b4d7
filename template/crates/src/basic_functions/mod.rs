//! Small examples, one file a topic.

pub(crate) mod basic_math;
pub(crate) mod basic_strings;

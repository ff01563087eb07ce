# Before Doxygen reads a header: what every such class has needs no words. Copies and moves, comparisons, and what the
# compiler calls where a coroutine waits.
s#^ {2,4}((friend|bool) .*operator==|.*operator=\(|.*await_(ready|suspend|resume)\(|([A-Za-z]+)\((const )?\4&&?( [a-z]+)?\)).*#/** @private */ &#

# The line that begins a public header is about the header.
1s#^/// #/// @file\n/// #

# An enum that is described where it is defined.
s#^BOOST_DEFINE_ENUM_CLASS\(([A-Za-z]+), (.*)\)$#enum class \1 { \2 };#
s#^BOOST_DEFINE_ENUM_CLASS\(([A-Za-z]+),$#enum class \1 {#
s#^\)$#};#

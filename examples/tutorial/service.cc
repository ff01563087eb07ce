// The service, as the broker starts it.
#include "seeker.hpp"

int main() { return reeve::serve<Seeker>(kSeekName, RegexSeeker({.book = kPatternsName})); }

// The service, as the broker starts it.
#include "the_service_service.hpp"

int main() { return reeve::serve<TheService>(kTheServiceName, TheServiceService()); }

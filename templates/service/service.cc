// The service, as the broker starts it.
#include "{{name}}_service.hpp"

int main() { return reeve::serve<{{Class}}>(k{{Class}}Name, {{Class}}Service()); }

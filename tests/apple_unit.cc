#include <gtest/gtest.h>
#include <mach/mach.h>

namespace {

TEST(MachPorts, AreAllocated) {
  mach_port_t port = MACH_PORT_NULL;
  EXPECT_EQ(mach_port_allocate(mach_task_self(), MACH_PORT_RIGHT_RECEIVE, &port), KERN_SUCCESS);
  EXPECT_EQ(mach_port_mod_refs(mach_task_self(), port, MACH_PORT_RIGHT_RECEIVE, -1), KERN_SUCCESS);
}

}  // namespace

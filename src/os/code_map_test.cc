// The code that a process has mapped, told in both ways.
#include "code_map.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>

#include "proc.hpp"

namespace reeve::os {
namespace {

// One that a process makes for itself; gone at the end.
struct OwnCode {
  OwnCode() : at(::mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) {}
  ~OwnCode() { ::munmap(at, 4096); }
  void* at;
};

TEST(CodeMap, IsTheSameAskedOneByOneAndRead) {
  const OwnCode own;
  const auto asked = mapped_code(::getpid());
  auto read = code_in_maps(*read_text(proc_path(::getpid(), "maps")));
  ASSERT_TRUE(asked && read) << (asked ? read.error() : asked.error()).message;
  std::erase_if(*read, [](const MappedCode& code) { return code.path == "[vsyscall]"; });  // In nobody's memory.
  EXPECT_EQ(asked->size(), read->size());
  EXPECT_TRUE(*asked == *read);
  EXPECT_TRUE(std::ranges::any_of(*asked, [](const MappedCode& code) { return code.path.empty(); })) << "its own";
  EXPECT_TRUE(
      std::ranges::any_of(*asked, [](const MappedCode& code) { return code.path.find("libc") != code.path.npos; }));
}

TEST(CodeMap, ReadsNamesAsTheyStandAndNothingThatIsNotExecuted) {
  const auto code = code_in_maps(
      "1000-2000 r--p 00000000 fe:01 7          /usr/bin/a\n"
      "2000-3000 r-xp 00001000 fe:01 7          /usr/bin/a\n"
      "3000-4000 --xp 00001000 fe:01 7          /usr/bin/a\n"
      "4000-5000 rwxp 00000000 00:00 0 \n"
      "5000-6000 r-xs 00000000 00:1f 99         /tmp/a b (deleted)\n"
      "7000-8000 r-xp 00000000 00:00 0          [vdso]");
  ASSERT_TRUE(code) << code.error().message;
  ASSERT_EQ(code->size(), 4U);
  EXPECT_EQ((*code)[0].path, "/usr/bin/a");
  EXPECT_EQ((*code)[1].path, "");
  EXPECT_EQ((*code)[2].path, "/tmp/a b (deleted)");
  EXPECT_EQ((*code)[2].inode, 99U);
  EXPECT_EQ((*code)[3].path, "[vdso]");
}

TEST(CodeMap, RefusesWhatItDoesNotUnderstand) {
  for (const char* text : {"nonsense", "1000-2000", "1000-2000 r-xp 0 fe:01", "\n"}) {
    EXPECT_FALSE(code_in_maps(text)) << text;
  }
  std::string many;
  for (int i = 0; i < 20000; ++i) many += "1-2 r-xp 0 00:00 " + std::to_string(i) + " x\n";
  EXPECT_EQ(code_in_maps(many).error().code, code::kTooLarge);
  EXPECT_FALSE(mapped_code(0x7fffffff));
}

}  // namespace
}  // namespace reeve::os

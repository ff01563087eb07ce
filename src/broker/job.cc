#include "job.hpp"

#include "../object/object.hpp"
#include "../plist/xml.hpp"
#include "../sandbox/preset.hpp"
#include "../vocab/name.hpp"

namespace reeve::broker {
namespace {

// Reads the keys of one job file; every complaint names file, line and key.
class JobReader {
 public:
  JobReader(std::string_view file, const plist::Document& document) : file_(file), document_(document) {}

  Result<Job> read() {
    job_.file = file_;
    for (const auto& [key, value] : document_.root) REEVE_TRY(read_key(key, value));
    if (job_.label.empty()) return bad("Label", "missing", "give the job a label, as in org.example.thumbnailer");
    if (job_.program.empty()) return bad("Program", "missing", "say which program to run");
    if (job_.preset.empty()) {
      return bad("Reeve.Preset", "missing", "write parser for a sandbox, or none to run without one");
    }
    return std::move(job_);
  }

 private:
  std::unexpected<Error> bad(std::string_view key, std::string_view what, std::string advice = {}) const {
    return fail(Kind::invalid, code::kBadJob,
                std::string(file_) + ":" + std::to_string(document_.line_of(key)) + ": " + std::string(key) + ": " +
                    std::string(what),
                std::move(advice));
  }

  template <class T>
  Result<const T*> typed(std::string_view key, const Object& value) const {
    if (const T* typed = value.get<T>()) return typed;
    return bad(key, "expected " + std::string(object::name_of(Object(T{}).type())) + ", got " +
                        std::string(object::name_of(value.type())));
  }

  Result<void> read_key(const std::string& key, const Object& value) {
    if (key == "Label") return read_label(value);
    if (key == "Program") return read_program(value);
    if (key == "ProgramArguments") return read_arguments(value);
    if (key == "MachServices") return read_names(value);
    if (key == "EnvironmentVariables") return read_environment(value);
    if (key == "ThrottleInterval") return read_seconds(key, value, job_.throttle_interval);
    if (key == "Reeve") return read_reeve(value);
    job_.warnings.push_back(std::string(file_) + ":" + std::to_string(document_.line_of(key)) + ": " + key +
                            ": ignored; this version does not know the key");
    return {};
  }

  Result<void> read_label(const Object& value) {
    job_.label = *REEVE_TRY(typed<std::string>("Label", value));
    if (const auto name = vocab::check_name(job_.label); !name) {
      return bad("Label", name.error().message, name.error().advice);
    }
    return {};
  }

  Result<std::string> text_without_nul(std::string_view key, const Object& value) const {
    const std::string& text = *REEVE_TRY(typed<std::string>(key, value));
    if (text.find('\0') != std::string::npos) return bad(key, "holds a NUL");
    return text;
  }

  // launchd's ProgramArguments begins with the program's own name; Program, where it stands, is what is run.
  Result<void> read_program(const Object& value) {
    job_.program = resolved(REEVE_TRY(text_without_nul("Program", value)));
    if (job_.program.empty()) return bad("Program", "is empty");
    return {};
  }
  Result<void> read_arguments(const Object& value) {
    const Array& array = *REEVE_TRY(typed<Array>("ProgramArguments", value));
    if (array.empty()) return bad("ProgramArguments", "is empty");
    for (std::size_t i = 0; i < array.size(); ++i) {
      std::string argument = REEVE_TRY(text_without_nul("ProgramArguments[" + std::to_string(i) + "]", array[i]));
      if (i > 0) {
        job_.arguments.push_back(std::move(argument));
      } else if (document_.root.find("Program") == nullptr) {
        job_.program = resolved(std::move(argument));
      }
    }
    return {};
  }
  std::string resolved(std::string program) const {
    if (program.empty() || program.front() == '/') return program;
    return std::string(file_.substr(0, file_.rfind('/') + 1)) + program;
  }

  Result<void> read_names(const Object& value) {
    for (const auto& [name, wanted] : *REEVE_TRY(typed<Dictionary>("MachServices", value))) {
      const std::string key = "MachServices." + name;
      if (const auto checked = vocab::check_name(name); !checked) {
        return bad(key, checked.error().message, checked.error().advice);
      }
      if (*REEVE_TRY(typed<bool>(key, wanted))) job_.names.push_back(name);
    }
    return {};
  }

  Result<void> read_environment(const Object& value) {
    for (const auto& [name, text] : *REEVE_TRY(typed<Dictionary>("EnvironmentVariables", value))) {
      const std::string key = "EnvironmentVariables." + name;
      if (name.empty() || name.find('=') != std::string::npos) return bad(key, "is no name of a variable");
      if (name.starts_with("REEVE_")) return bad(key, "names that begin with REEVE_ are the broker's");
      job_.environment.push_back(name + "=" + REEVE_TRY(text_without_nul(key, text)));
    }
    return {};
  }

  Result<void> read_seconds(std::string_view key, const Object& value, std::chrono::seconds& out) {
    constexpr std::int64_t kYear = 366 * 24 * 3600;
    const std::int64_t seconds = *REEVE_TRY(typed<std::int64_t>(key, value));
    if (seconds < 0 || seconds > kYear) return bad(key, "expected 0 to 31622400 seconds");
    out = std::chrono::seconds(seconds);
    return {};
  }

  Result<void> read_preset(std::string_view key, const Object& value) {
    job_.preset = *REEVE_TRY(typed<std::string>(key, value));
    if (sandbox::find_preset(job_.preset) != nullptr) return {};
    std::string known;
    for (const sandbox::Preset& preset : sandbox::all_presets()) known += " " + std::string(preset.name);
    return bad(key, "no preset is called \"" + job_.preset + "\"", "known are:" + known);
  }

  Result<void> read_reeve(const Object& value) {
    for (const auto& [name, inner] : *REEVE_TRY(typed<Dictionary>("Reeve", value))) {
      const std::string key = "Reeve." + name;
      if (name == "Preset") {
        REEVE_TRY(read_preset(key, inner));
      } else if (name == "IdleTimeOut") {
        REEVE_TRY(read_seconds(key, inner, job_.idle_time_out));
      } else {
        // Unlike launchd's own, these keys decide what a program may do: one that is misspelt must not pass.
        return bad(key, "unknown key", "known are Preset and IdleTimeOut");
      }
    }
    return {};
  }

  std::string_view file_;
  const plist::Document& document_;
  Job job_;
};

}  // namespace

Result<Job> parse_job(std::string_view file, std::string_view text) {
  auto document = plist::parse_xml(text);
  if (!document) {
    return fail(Kind::invalid, document.error().code, std::string(file) + ": " + document.error().message,
                document.error().advice);
  }
  auto job = JobReader(file, *document).read();
  if (job) job->text = text;
  return job;
}

}  // namespace reeve::broker

#include "job.hpp"

#include <array>
#include <csignal>

#include "../object/object.hpp"
#include "../policy/trust.hpp"
#include "../sandbox/preset.hpp"
#include "../vocab/name.hpp"
#include "../vocab/text.hpp"
#include "../xml/document.hpp"

namespace reeve::broker {
namespace {

constexpr std::int64_t kYearSeconds = 366 * 24 * 3600;

// Reads the keys of one job file; every complaint names file, line and key.
class JobReader {
 public:
  JobReader(std::string_view file, const xml::Document& document) : file_(file), document_(document) {}

  Result<Job> read() {
    job_.file = file_;
    for (const auto& [key, value] : document_.root) REEVE_TRY(read_key(kKeys, key, key, value));
    REEVE_TRY(check_whole());
    job_.setup.grace_s = static_cast<std::uint32_t>(job_.exit_time_out.count());
    return std::move(job_);
  }

 private:
  using Read = Result<void> (JobReader::*)(const std::string& key, const Object& value);
  struct Key {
    std::string_view name;
    Read read;
  };

  // Complaints.

  std::unexpected<Error> bad(std::string_view key, std::string_view what, std::string advice = {}) const {
    return fail(Kind::invalid, code::kBadJob, at(key) + std::string(what), std::move(advice));
  }
  std::string at(std::string_view key) const {
    return std::string(file_) + ":" + std::to_string(document_.line_of(key)) + ": " + std::string(key) + ": ";
  }
  Result<void> warn(const std::string& key, const Object&) {
    job_.warnings.push_back(at(key) + "ignored; it means nothing here");
    return {};
  }

  // Values.

  template <class T>
  Result<const T*> typed(std::string_view key, const Object& value) const {
    if (const T* typed = value.get<T>()) return typed;
    return bad(key, "expected " + std::string(object::name_of(Object(T{}).type())) + ", got " +
                        std::string(object::name_of(value.type())));
  }
  Result<std::int64_t> number(std::string_view key, const Object& value, std::int64_t least, std::int64_t most) const {
    const std::int64_t number = *REEVE_TRY(typed<std::int64_t>(key, value));
    if (number >= least && number <= most) return number;
    return bad(key,
               "expected " + std::to_string(least) + " to " + std::to_string(most) + ", got " + std::to_string(number));
  }
  Result<std::string> text(std::string_view key, const Object& value) const {
    const std::string& text = *REEVE_TRY(typed<std::string>(key, value));
    if (text.find('\0') != std::string::npos) return bad(key, "holds a NUL");
    if (text.empty()) return bad(key, "is empty");
    return text;
  }
  Result<std::string> name(std::string_view key, const Object& value) const {
    std::string name = *REEVE_TRY(typed<std::string>(key, value));
    if (const auto checked = vocab::check_name(name); !checked) {
      return bad(key, checked.error().message, checked.error().advice);
    }
    return name;
  }
  Result<std::string> path(std::string_view key, const Object& value) const {
    std::string path = REEVE_TRY(text(key, value));
    if (path.front() == '/') return path;
    return std::string(file_.substr(0, file_.rfind('/') + 1)) + path;
  }
  template <class Element>
  Result<void> each(const std::string& key, const Object& value, Element element) const {
    const Array& array = *REEVE_TRY(typed<Array>(key, value));
    for (std::size_t i = 0; i < array.size(); ++i) {
      REEVE_TRY(element(key + "[" + std::to_string(i) + "]", array[i]));
    }
    return {};
  }
  template <class Element>
  Result<void> each_key(const std::string& key, const Object& value, Element element) const {
    for (const auto& [inner, under] : *REEVE_TRY(typed<Dictionary>(key, value))) {
      REEVE_TRY(element(key + "." + inner, inner, under));
    }
    return {};
  }

  template <bool Job::* kMember>
  Result<void> flag(const std::string& key, const Object& value) {
    job_.*kMember = *REEVE_TRY(typed<bool>(key, value));
    return {};
  }
  template <std::chrono::seconds Job::* kMember>
  Result<void> seconds(const std::string& key, const Object& value) {
    job_.*kMember = std::chrono::seconds(REEVE_TRY(number(key, value, 0, kYearSeconds)));
    return {};
  }
  template <std::vector<std::string> Job::* kMember>
  Result<void> paths(const std::string& key, const Object& value) {
    return each(key, value, [&](const std::string& at, const Object& element) -> Result<void> {
      (job_.*kMember).push_back(REEVE_TRY(path(at, element)));
      return {};
    });
  }
  template <std::vector<std::string> Job::* kMember>
  Result<void> names(const std::string& key, const Object& value) {
    return each(key, value, [&](const std::string& at, const Object& element) -> Result<void> {
      (job_.*kMember).push_back(REEVE_TRY(name(at, element)));
      return {};
    });
  }
  template <std::string Job::* kMember>
  Result<void> a_path(const std::string& key, const Object& value) {
    job_.*kMember = REEVE_TRY(path(key, value));
    return {};
  }

  // Keys.

  template <std::size_t kCount>
  Result<void> read_key(const std::array<Key, kCount>& known, const std::string& name, const std::string& key,
                        const Object& value) {
    for (const Key& each : known) {
      if (each.name == name) return (this->*each.read)(key, value);
    }
    // Unlike launchd's own, the keys of Reeve decide what a program may do: one that is misspelt must not pass.
    if (static_cast<const void*>(&known) == &kReeveKeys) {
      std::string names = "known are:";
      for (const Key& each : known) names += " " + std::string(each.name);
      return bad(key, "unknown key", names);
    }
    job_.warnings.push_back(at(key) + "ignored; this version does not know the key");
    return {};
  }

  Result<void> label(const std::string& key, const Object& value) {
    job_.label = REEVE_TRY(name(key, value));
    return {};
  }

  // launchd's ProgramArguments begins with the program's own name; Program, where it stands, is what is run.
  Result<void> arguments(const std::string& key, const Object& value) {
    if (REEVE_TRY(typed<Array>(key, value))->empty()) return bad(key, "is empty");
    bool is_first = true;
    return each(key, value, [&](const std::string& at, const Object& element) -> Result<void> {
      const std::string& argument = *REEVE_TRY(typed<std::string>(at, element));
      if (argument.find('\0') != std::string::npos) return bad(at, "holds a NUL");
      if (!std::exchange(is_first, false)) return job_.arguments.push_back(argument), Result<void>();
      if (document_.root.find("Program") == nullptr) job_.program = REEVE_TRY(path(at, element));
      return {};
    });
  }

  // true, or a dictionary; false is a name that is not offered.
  Result<void> offered_names(const std::string& key, const Object& value) {
    return each_key(key, value, [&](const std::string& at, const std::string& name, const Object& how) -> Result<void> {
      if (const auto checked = vocab::check_name(name); !checked) {
        return bad(at, checked.error().message, checked.error().advice);
      }
      OfferedName offered{name};
      if (const bool* wanted = how.get<bool>()) {
        if (*wanted) job_.names.push_back(std::move(offered));
        return {};
      }
      REEVE_TRY(each_key(at, how, [&](const std::string& inner_at, const std::string& inner, const Object& flag) {
        return read_name_key(offered, inner_at, inner, flag);
      }));
      job_.names.push_back(std::move(offered));
      return {};
    });
  }
  Result<void> read_name_key(OfferedName& offered, const std::string& at, const std::string& key, const Object& value) {
    if (key == "ResetAtClose") {
      offered.reset_at_close = *REEVE_TRY(typed<bool>(at, value));
    } else if (key == "HideUntilCheckIn") {
      offered.hide_until_check_in = *REEVE_TRY(typed<bool>(at, value));
    } else {
      return warn(at, value);
    }
    return {};
  }

  Result<void> environment(const std::string& key, const Object& value) {
    return each_key(key, value,
                    [&](const std::string& at, const std::string& name, const Object& text) -> Result<void> {
                      if (name.empty() || name.find('=') != std::string::npos)
                        return bad(at, "is no name of a variable");
                      if (name.starts_with("REEVE_")) return bad(at, "names that begin with REEVE_ are the broker's");
                      const std::string& content = *REEVE_TRY(typed<std::string>(at, text));
                      if (content.find('\0') != std::string::npos) return bad(at, "holds a NUL");
                      job_.environment.push_back(name + "=" + content);
                      return {};
                    });
  }

  Result<void> keep_alive(const std::string& key, const Object& value) {
    KeepAlive& out = job_.keep_alive;
    if (const bool* always = value.get<bool>()) return out.always = *always, Result<void>();
    return each_key(key, value, [&](const std::string& at, const std::string& name, const Object& how) -> Result<void> {
      if (name == "SuccessfulExit") {
        out.successful_exit = *REEVE_TRY(typed<bool>(at, how));
      } else if (name == "Crashed") {
        out.crashed = *REEVE_TRY(typed<bool>(at, how));
      } else if (name == "AfterInitialDemand") {
        out.after_initial_demand = *REEVE_TRY(typed<bool>(at, how));
      } else if (name == "PathState") {
        return each_key(at, how, [&](const std::string& path_at, const std::string& path, const Object& exists) {
          return add_path_state(path_at, path, exists);
        });
      } else if (name == "OtherJobEnabled") {
        return each_key(at, how, [&](const std::string& job_at, const std::string& label, const Object& enabled) {
          return add_other_job(job_at, label, enabled);
        });
      } else {
        return warn(at, how);  // NetworkState, say, which launchd ignores as well
      }
      return {};
    });
  }
  Result<void> add_path_state(const std::string& at, const std::string& path, const Object& exists) {
    job_.keep_alive.path_state.emplace_back(REEVE_TRY(this->path(at, Object(path))),
                                            *REEVE_TRY(typed<bool>(at, exists)));
    return {};
  }
  Result<void> add_other_job(const std::string& at, const std::string& label, const Object& enabled) {
    job_.keep_alive.other_job_enabled.emplace_back(REEVE_TRY(name(at, Object(label))),
                                                   *REEVE_TRY(typed<bool>(at, enabled)));
    return {};
  }

  Result<void> start_interval(const std::string& key, const Object& value) {
    job_.start_interval = std::chrono::seconds(REEVE_TRY(number(key, value, 1, kYearSeconds)));
    return {};
  }

  // A dictionary, or an array of them.
  Result<void> calendar(const std::string& key, const Object& value) {
    if (value.get<Array>() == nullptr) return add_date(key, value);
    return each(key, value, [&](const std::string& at, const Object& date) { return add_date(at, date); });
  }
  Result<void> add_date(const std::string& key, const Object& value) {
    struct Field {
      std::string_view name;
      std::optional<int> CalendarDate::* member;
      int least;
      int most;
    };
    static constexpr std::array kFields{
        Field{"Minute", &CalendarDate::minute, 0, 59}, Field{"Hour", &CalendarDate::hour, 0, 23},
        Field{"Day", &CalendarDate::day, 1, 31}, Field{"Weekday", &CalendarDate::weekday, 0, 7},
        Field{"Month", &CalendarDate::month, 1, 12}};
    CalendarDate date;
    REEVE_TRY(
        each_key(key, value, [&](const std::string& at, const std::string& name, const Object& n) -> Result<void> {
          for (const Field& field : kFields) {
            if (field.name != name) continue;
            date.*field.member = static_cast<int>(REEVE_TRY(number(at, n, field.least, field.most)));
            return {};
          }
          return bad(at, "unknown field", "known are Minute, Hour, Day, Weekday, Month");
        }));
    job_.calendar.push_back(date);
    return {};
  }

  Result<void> umask(const std::string& key, const Object& value) {
    // As a string it is octal, as people write it.
    if (const std::string* octal = value.get<std::string>()) {
      const bool is_octal =
          !octal->empty() && octal->size() <= 4 && octal->find_first_not_of("01234567") == std::string::npos;
      const unsigned long mask = is_octal ? std::strtoul(octal->c_str(), nullptr, 8) : 01000;
      if (mask > 0777) return bad(key, "expected an octal number from 0 to 777, got \"" + *octal + "\"");
      job_.setup.umask = static_cast<std::uint32_t>(mask);
      return {};
    }
    job_.setup.umask = static_cast<std::uint32_t>(REEVE_TRY(number(key, value, 0, 0777)));
    return {};
  }

  Result<void> nice(const std::string& key, const Object& value) {
    job_.setup.nice = static_cast<std::int32_t>(REEVE_TRY(number(key, value, -20, 20)));
    return {};
  }

  Result<void> process_type(const std::string& key, const Object& value) {
    const std::string type = REEVE_TRY(text(key, value));
    if (type != "Background" && type != "Standard" && type != "Adaptive" && type != "Interactive") {
      return bad(key, "no type is called \"" + type + "\"", "known are Background, Standard, Adaptive, Interactive");
    }
    job_.setup.is_background = type == "Background" ? 1 : 0;
    return {};
  }

  template <std::uint64_t contract::LimitPair::* kMember>
  Result<void> limits(const std::string& key, const Object& value) {
    return each_key(key, value, [&](const std::string& at, const std::string& name, const Object& n) -> Result<void> {
      for (std::size_t i = 0; i < std::size(contract::kLimitNames); ++i) {
        if (name != contract::kLimitNames[i]) continue;
        const std::int64_t limit = REEVE_TRY(number(at, n, 0, INT64_MAX));
        job_.setup.limits[i].*kMember = static_cast<std::uint64_t>(limit);
        return {};
      }
      std::string known = "known are:";
      for (const char* each : contract::kLimitNames) known += std::string(" ") + each;
      return bad(at, "unknown limit", known);
    });
  }

  Result<void> xpc_service(const std::string& key, const Object& value) {
    return each_key(key, value, [&](const std::string& at, const std::string& name, const Object& how) -> Result<void> {
      if (name == "EnvironmentVariables") return environment(at, how);
      if (name != "ServiceType") return warn(at, how);
      const std::string type = REEVE_TRY(text(at, how));
      if (type != "Application" && type != "User" && type != "System") {
        return bad(at, "no type is called \"" + type + "\"", "known are Application, User, System");
      }
      job_.service_type = type == "Application" ? ServiceType::application : ServiceType::user;
      return {};
    });
  }

  Result<void> reeve(const std::string& key, const Object& value) {
    return each_key(key, value, [&](const std::string& at, const std::string& name, const Object& inner) {
      return read_key(kReeveKeys, name, at, inner);
    });
  }
  Result<void> preset(const std::string& key, const Object& value) {
    job_.preset = *REEVE_TRY(typed<std::string>(key, value));
    const auto preset = sandbox::preset_named(job_.preset);
    if (!preset) return bad(key, preset.error().message, preset.error().advice);
    return {};
  }
  Result<void> entitlements(const std::string& key, const Object& value) {
    return each_key(
        key, value, [&](const std::string& at, const std::string& name, const Object& inner) -> Result<void> {
          if (name == "LookUp") return names<&Job::may_look_up>(at, inner);
          return bad(at, "unknown entitlement", "known is LookUp: an array of names, or groups, that the job may call");
        });
  }
  Result<void> allowed_callers(const std::string& key, const Object& value) {
    std::vector<std::string> alternatives;
    REEVE_TRY(each(key, value, [&](const std::string& at, const Object& element) -> Result<void> {
      alternatives.push_back(REEVE_TRY(text(at, element)));
      const auto good = policy::Requirement::any_of({alternatives.back()});
      if (!good) return bad(at, good.error().message, good.error().advice);
      return {};
    }));
    job_.allowed_callers = REEVE_TRY(policy::Requirement::any_of(alternatives));
    return {};
  }
  Result<void> explain_denials(const std::string& key, const Object& value) {
    job_.setup.explains_denials = *REEVE_TRY(typed<bool>(key, value)) ? 1 : 0;
    return {};
  }
  // Others are what a signature says, and nobody else.
  Result<void> groups(const std::string& key, const Object& value) {
    REEVE_TRY(names<&Job::groups>(key, value));
    for (const std::string& group : job_.groups) {
      if (!policy::needs_signature(group)) continue;
      return bad(key, "members of " + group + " are made by a signature alone",
                 "leave it out, and sign the program: reeve sign --group " + group);
    }
    return {};
  }

  // What keys say of each other.
  Result<void> check_whole() {
    if (job_.label.empty()) return bad("Label", "missing", "give the job a label, as in org.example.thumbnailer");
    if (job_.program.empty()) return bad("Program", "missing", "say which program to run");
    if (job_.preset.empty()) {
      return bad("Reeve.Preset", "missing", "write parser for a sandbox, or none to run without one");
    }
    if (sandbox::find_preset(job_.preset)->confined && !job_.working_directory.empty()) {
      return bad("WorkingDirectory", "there are no folders in preset " + job_.preset, "leave it out");
    }
    for (std::size_t i = 0; i < std::size(contract::kLimitNames); ++i) {
      const contract::LimitPair& pair = job_.setup.limits[i];
      if (pair.soft == contract::kLimitUnset || pair.hard == contract::kLimitUnset || pair.soft <= pair.hard) continue;
      return bad(std::string("SoftResourceLimits.") + contract::kLimitNames[i], "exceeds the hard limit");
    }
    return {};
  }

  static constexpr std::array kKeys{
      Key{"Label", &JobReader::label},
      Key{"Program", &JobReader::a_path<&Job::program>},
      Key{"ProgramArguments", &JobReader::arguments},
      Key{"MachServices", &JobReader::offered_names},
      Key{"KeepAlive", &JobReader::keep_alive},
      Key{"RunAtLoad", &JobReader::flag<&Job::run_at_load>},
      Key{"LaunchOnlyOnce", &JobReader::flag<&Job::launch_only_once>},
      Key{"ThrottleInterval", &JobReader::seconds<&Job::throttle_interval>},
      Key{"ExitTimeOut", &JobReader::seconds<&Job::exit_time_out>},
      Key{"StartInterval", &JobReader::start_interval},
      Key{"StartCalendarInterval", &JobReader::calendar},
      Key{"WatchPaths", &JobReader::paths<&Job::watch_paths>},
      Key{"QueueDirectories", &JobReader::paths<&Job::queue_directories>},
      Key{"EnvironmentVariables", &JobReader::environment},
      Key{"WorkingDirectory", &JobReader::a_path<&Job::working_directory>},
      Key{"Umask", &JobReader::umask},
      Key{"Nice", &JobReader::nice},
      Key{"ProcessType", &JobReader::process_type},
      Key{"SoftResourceLimits", &JobReader::limits<&contract::LimitPair::soft>},
      Key{"HardResourceLimits", &JobReader::limits<&contract::LimitPair::hard>},
      Key{"StandardInPath", &JobReader::a_path<&Job::standard_in>},
      Key{"StandardOutPath", &JobReader::a_path<&Job::standard_out>},
      Key{"StandardErrorPath", &JobReader::a_path<&Job::standard_error>},
      Key{"EnableTransactions", &JobReader::flag<&Job::enable_transactions>},
      Key{"Disabled", &JobReader::flag<&Job::disabled>},
      Key{"XPCService", &JobReader::xpc_service},
      Key{"Reeve", &JobReader::reeve},
  };
  static constexpr std::array kReeveKeys{
      Key{"Preset", &JobReader::preset},
      Key{"Entitlements", &JobReader::entitlements},
      Key{"Groups", &JobReader::groups},
      Key{"AllowedCallers", &JobReader::allowed_callers},
      Key{"IdleTimeOut", &JobReader::seconds<&Job::idle_time_out>},
      Key{"ExplainDenials", &JobReader::explain_denials},
  };

  std::string_view file_;
  const xml::Document& document_;
  Job job_;
};

}  // namespace

Result<Job> parse_job(std::string_view file, std::string_view text) {
  if (!file.starts_with('/') || file.size() > kJobFilePathBytesMax || !is_text(file)) {
    return fail(Kind::invalid, code::kBadJob, printable(file.substr(0, kProblemBytesMax)) + ": no path of a job file",
                "give it an absolute path in UTF-8, of " + std::to_string(kJobFilePathBytesMax) + " bytes at most");
  }
  auto document = xml::parse_document(text);
  if (!document) {
    return fail(Kind::invalid, document.error().code, std::string(file) + ": " + document.error().message,
                document.error().advice);
  }
  auto job = JobReader(file, *document).read();
  if (job) job->text = text;
  return job;
}

}  // namespace reeve::broker

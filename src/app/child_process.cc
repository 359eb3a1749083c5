#include "app/child_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/file.h"

namespace zhiyin::app {

Result<std::unique_ptr<ChildProcess>> ChildProcess::start(const std::vector<std::string>& arguments,
                                                          const std::filesystem::path& log_file) {
  int pipe_fds[2];
  if (::pipe2(pipe_fds, O_CLOEXEC) != 0)
    return fail(ErrorCode::kUnavailable, "pipe: {}", std::strerror(errno));
  const int log = ::open(log_file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  std::vector<char*> argv;
  std::string name = "zhiyin";
  std::vector<std::string> copies = arguments;
  argv.push_back(name.data());
  for (std::string& argument : copies) argv.push_back(argument.data());
  argv.push_back(nullptr);
  const pid_t pid = ::fork();
  if (pid == 0) {  // only async-signal-safe calls from here on
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    ::setpgid(0, 0);  // Ctrl-C reaches the parent alone, which ends us in order
    ::dup2(pipe_fds[1], STDOUT_FILENO);
    if (log >= 0) ::dup2(log, STDERR_FILENO);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::execv("/proc/self/exe", argv.data());
    ::_exit(127);
  }
  ::close(pipe_fds[1]);
  if (log >= 0) ::close(log);
  if (pid < 0) {
    ::close(pipe_fds[0]);
    return fail(ErrorCode::kUnavailable, "fork: {}", std::strerror(errno));
  }
  return std::unique_ptr<ChildProcess>(new ChildProcess(pid, pipe_fds[0]));
}

ChildProcess::~ChildProcess() {
  ::kill(pid_, SIGTERM);
  ::waitpid(pid_, nullptr, 0);
  ::close(out_);
}

Result<std::string> ChildProcess::read_line() {
  for (;;) {
    const std::size_t end = buffer_.find('\n');
    if (end != std::string::npos) {
      std::string line = buffer_.substr(0, end);
      buffer_.erase(0, end + 1);
      return line;
    }
    char chunk[4096];
    const ssize_t n = ::read(out_, chunk, sizeof chunk);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0)
      return fail(ErrorCode::kUnavailable, "the process ended before it was ready; see its log");
    buffer_.append(chunk, static_cast<std::size_t>(n));
  }
}

std::int64_t ChildProcess::resident_bytes() const {
  const auto text = read_file(fmt::format("/proc/{}/statm", pid_), 4096);
  if (!text) return 0;
  long long total = 0;
  long long resident = 0;
  if (std::sscanf(text->c_str(), "%lld %lld", &total, &resident) != 2) return 0;
  return resident * ::sysconf(_SC_PAGESIZE);
}

bool ChildProcess::running() const { return ::waitpid(pid_, nullptr, WNOHANG) == 0; }

}  // namespace zhiyin::app

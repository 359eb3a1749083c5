#include "storage/advice.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace zhiyin::storage {
namespace {

struct Advice {
  std::string_view sign;  ///< stands in the message, in any case of letters
  std::string_view text;  ///< `{}`: the option
};

/// The first that fits. From PostgreSQL's, libpq's, librdkafka's, ClickHouse's, SQLite's, DuckDB's
/// and our own messages.
constexpr Advice kAdvice[] = {
    {"zhiyin restore again",
     "恢复中断了：重新执行同一条 zhiyin restore / the restore was cut off: run the same zhiyin "
     "restore again"},
    {"has moved to",
     "安装已迁走：改用新位置的配置启动，或 zhiyin migrate --undo / the installation has moved: "
     "start "
     "it with the settings of the new place, or zhiyin migrate --undo"},
    {"is moving this installation",
     "正在迁移：等它结束；若那个进程已不在，一个租期后即可启动 / it is being moved: wait until "
     "that "
     "ends; if that process is gone, it can be started after one lease"},
    {"not the one of before",
     "不要从空库开始：恢复备份或连回原来的服务器 / do not begin from nothing: restore the backup "
     "or "
     "connect to the server of before"},
    {"installation.id",
     "不要从空库开始：恢复备份或连回原来的服务器 / do not begin from nothing: restore the backup "
     "or "
     "connect to the server of before"},
    {"another secret",
     "secret.key 不是原来的那个：从备份取回 / secret.key is not the one of before: take it from "
     "the "
     "backup"},
    {"could not translate host name",
     "主机名解析不了：检查 {} 的主机名与 DNS / the host name is not known: look at the name in {} "
     "and "
     "at DNS"},
    {"failed to resolve",
     "主机名解析不了：检查 {} 的主机名与 DNS / the host name is not known: look at the name in {} "
     "and "
     "at DNS"},
    {"host not found",
     "主机名解析不了：检查 {} 的主机名与 DNS / the host name is not known: look at the name in {} "
     "and "
     "at DNS"},
    {"connection refused",
     "没有服务在该地址监听：启动它，或改 {} 的主机与端口 / nothing listens at this address: start "
     "the "
     "server, or correct host and port in {}"},
    {"no pg_hba.conf entry",
     "PostgreSQL 不允许这台机器连接：在 pg_hba.conf 加一行并重新加载 / PostgreSQL does not let "
     "this "
     "machine in: add a line to pg_hba.conf and reload it"},
    {"password authentication failed",
     "密码不对：改 {} 里的密码，或 ALTER ROLE … PASSWORD / the password is wrong: correct it in "
     "{}, or "
     "ALTER ROLE … PASSWORD"},
    {"no password supplied",
     "服务器要求密码：写进 {} / the server asks for a password: put it into {}"},
    {"authentication", "用户名或密码不对：检查 {} / user or password is wrong: look at {}"},
    {"certificate verify",
     "TLS 证书不被信任：检查证书，或 {} 的 TLS 设置 / the TLS certificate is not trusted: look at "
     "it, "
     "or at the TLS settings in {}"},
    {"ssl handshake",
     "两边的 TLS 设置不一致：检查 {} / the two sides do not agree about TLS: look at {}"},
    {"does not support ssl",
     "两边的 TLS 设置不一致：检查 {} / the two sides do not agree about TLS: look at {}"},
    {"role \"",
     "角色不存在：CREATE ROLE … LOGIN PASSWORD '…' / the role does not exist: CREATE ROLE … LOGIN "
     "PASSWORD '…'"},
    {"database \"",
     "数据库不存在：CREATE DATABASE … ENCODING 'UTF8' / the database does not exist: CREATE "
     "DATABASE … "
     "ENCODING 'UTF8'"},
    {"too many clients",
     "PostgreSQL 连接已用完：提高 max_connections（每个进程 14 个）/ PostgreSQL has no connection "
     "left: raise max_connections (14 for each process)"},
    {"connection slots",
     "PostgreSQL 连接已用完：提高 max_connections（每个进程 14 个）/ PostgreSQL has no connection "
     "left: raise max_connections (14 for each process)"},
    {"is needed",
     "服务器版本太旧：升级它（见 docs/cluster.md）/ the server's version is too old: upgrade it "
     "(see "
     "docs/cluster.md)"},
    {"the encoding",
     "数据库必须是 UTF8 编码：重新建库 / the database must have the encoding UTF8: make it anew"},
    {"schema of the search path",
     "search_path 里的 schema 不存在：CREATE SCHEMA / no schema of the search_path exists: CREATE "
     "SCHEMA"},
    {"expected 64",
     "主题的分区数必须是 64：换一个前缀，或删掉空主题让它重建 / the topic must have 64 partitions: "
     "take "
     "another prefix, or delete the empty topic so that it is made anew"},
    {"has no leaders",
     "分区没有 leader：检查各 broker 是否都在运行 / partitions have no leader: do all brokers "
     "run?"},
    {"no space left",
     "磁盘已满：先腾出空间，重启不能解决 / the disk is full: free some space, a restart does not "
     "mend "
     "it"},
    {"not_enough_space",
     "磁盘已满：先腾出空间，重启不能解决 / the disk is full: free some space, a restart does not "
     "mend "
     "it"},
    {"disk is full",
     "磁盘已满：先腾出空间，重启不能解决 / the disk is full: free some space, a restart does not "
     "mend "
     "it"},
    {"readonly database",
     "文件不可写：检查数据目录的权限与属主 / the file cannot be written: look at rights and owner "
     "of "
     "the data folder"},
    {"unable to open",
     "打不开文件：检查 {} 的路径、目录权限与属主 / the file cannot be opened: look at the path in "
     "{}, "
     "at rights and owner of the folder"},
    {"cannot open file",
     "打不开文件：检查 {} 的路径、目录权限与属主 / the file cannot be opened: look at the path in "
     "{}, "
     "at rights and owner of the folder"},
    {"malformed", "文件已损坏：恢复备份 / the file is damaged: restore the backup"},
    {"permission denied for",
     "权限不足：GRANT USAGE, CREATE ON SCHEMA public TO 该角色 / a right is missing: GRANT USAGE, "
     "CREATE ON SCHEMA public TO the role"},
    {"not enough privileges",
     "ClickHouse 权限不足：GRANT SELECT, INSERT, ALTER, CREATE ON 库.* TO 该用户 / a right is "
     "missing "
     "in ClickHouse: GRANT SELECT, INSERT, ALTER, CREATE ON database.* TO the user"},
    {"authorization failed",
     "Kafka 权限不足：给该用户这些主题的 Create、Read、Write、Describe / a right is missing in "
     "Kafka: "
     "give the user Create, Read, Write and Describe on the topics"},
    {"timeout expired",
     "服务器没有应答：检查防火墙、网络与 {} 的地址 / the server does not answer: look at firewall, "
     "network and the address in {}"},
    {"timed out",
     "服务器没有应答：检查防火墙、网络与 {} 的地址 / the server does not answer: look at firewall, "
     "network and the address in {}"},
};

std::string_view by_code(ErrorCode code) {
  switch (code) {
    case ErrorCode::kUnavailable:
      return "服务器不可达：它在运行吗，{} 的地址对吗 / a server cannot be reached: does it run, "
             "is the "
             "address in {} right?";
    case ErrorCode::kDeadline:
      return "服务器太慢或被锁住：看它的负载与日志 / the server is too slow or something holds a "
             "lock: "
             "look at its load and log";
    case ErrorCode::kPermissionDenied:
      return "权限不足：检查 {} 的用户、密码与授权 / a right is missing: look at user, password "
             "and "
             "rights of {}";
    case ErrorCode::kDataLoss:
      return "数据损坏或不是原来的：恢复备份 / the data is damaged or not the one of before: "
             "restore "
             "the backup";
    case ErrorCode::kLimitReached:
      return "超出限制：看它的内存与配额 / a limit was reached: look at memory and quotas";
    case ErrorCode::kUnsupported:
      return "版本或设置不受支持：见 docs/cluster.md / a version or setting is not supported: see "
             "docs/cluster.md";
    case ErrorCode::kInvalidArgument:
      return "设置有误：检查 {} / a setting is wrong: look at {}";
    default:
      return "见上面的说明与 docs/operations.md / see the reason above and docs/operations.md";
  }
}

bool says(std::string_view message, std::string_view sign) {
  return !std::ranges::search(message, sign, {}, [](unsigned char c) {
            return std::tolower(c);
          }).empty();
}

}  // namespace

std::string advice_for(const Error& error, std::string_view option) {
  const auto* const found = std::ranges::find_if(
      kAdvice, [&](const Advice& advice) { return says(error.message, advice.sign); });
  std::string out(found == std::end(kAdvice) ? by_code(error.code) : found->text);
  for (std::size_t at = out.find("{}"); at != std::string::npos; at = out.find("{}"))
    out.replace(at, 2, option);
  return out;
}

}  // namespace zhiyin::storage

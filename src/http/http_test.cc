#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"
#include "http/await.h"
#include "http/client.h"
#include "http/gzip.h"
#include "http/server.h"

namespace zhiyin::http {
namespace {

class HttpTest : public testing::Test {
 protected:
  void SetUp() override {
    Router router;
    router.add("GET", "/hello/{name}", [](Request& r) -> Task<Response> {
      Json body;
      body.set("name", r.path_parameters["name"]).set("q", Json(r.query_or("q", "none")));
      co_return Response::json(body);
    });
    router.add_blocking(
        "POST", "/echo", pool_, [](Request& r) { return Response::text(r.body); }, 1000);
    router.add_blocking(
        "POST", "/store", pool_, [](Request& r) { return Response::text(r.body); }, 1 << 20);
    router.form_problems("/echo", [](Response& r) {
      r.body = fmt::format("refused with {}", r.status);
      r.content_type = "text/plain";
    });
    router.add_blocking(
        "GET", "/quick/{what}", pool_, [](Request&) { return Response::text("by the pool"); },
        1 << 20,
        [](Request& r) -> std::optional<Response> {
          if (r.path_parameters["what"] == "throws") throw std::runtime_error("boom");
          if (r.path_parameters["what"] != "known") return std::nullopt;
          return Response::text("at once");
        });
    router.add("GET", "/throws", [](Request&) -> Task<Response> {
      throw std::runtime_error("boom");
      co_return Response{};
    });
    router.add("GET", "/files/{path...}", [](Request& r) -> Task<Response> {
      co_return Response::text(r.path_parameters["path"]);
    });
    ServerSettings settings;
    settings.header_bytes_max = 4096;
    settings.request_timeout = std::chrono::milliseconds(300);
    auto started = Server::start(settings, std::move(router), {}, metrics_, null_logger());
    ASSERT_TRUE(started) << started.error().text();
    server_ = std::move(*started);
    base_ = fmt::format("http://127.0.0.1:{}", server_->port());
  }

  ClientResponse send(std::string method, std::string path, std::string body = {},
                      Headers headers = {}) {
    ClientRequest request;
    request.method = std::move(method);
    request.url = base_ + path;
    request.body = std::move(body);
    request.headers = std::move(headers);
    const auto response = client_->send_and_wait(std::move(request));
    return response ? *response : ClientResponse{-1, {}, response.error().error.text()};
  }

  // Sends raw bytes and returns everything until the server closes.
  std::string raw(std::string_view bytes) {
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(server_->port());
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
    std::string out;
    char buffer[4096];
    for (ssize_t n; (n = ::recv(fd, buffer, sizeof buffer, 0)) > 0;)
      out.append(buffer, static_cast<std::size_t>(n));
    ::close(fd);
    return out;
  }

  MetricsRegistry metrics_;
  ThreadPool pool_{1, 10};
  std::unique_ptr<Server> server_;
  std::unique_ptr<Client> client_ = Client::create({});
  std::string base_;
};

TEST_F(HttpTest, RoutesDecodesAndKeepsTheConnection) {
  for (int i = 0; i < 3; ++i) {
    const auto r = send("GET", "/hello/%E7%9F%A5%E9%9F%B3?q=a+b%26c");
    EXPECT_EQ(r.status, 200);
    EXPECT_EQ(r.body, R"({"name":"知音","q":"a b&c"})");
  }
  EXPECT_EQ(send("GET", "/files/a/b.js").body, "a/b.js");
  EXPECT_THAT(metrics_.text(), testing::HasSubstr("route=\"/hello/{name}\",code=\"2xx\"} 3"));
}

TEST_F(HttpTest, AnswersProblemsForWhatItCannotDo) {
  EXPECT_EQ(send("GET", "/nothing").status, 404);
  EXPECT_EQ(send("DELETE", "/echo").status, 405);
  EXPECT_EQ(send("GET", "/throws").status, 500);
  EXPECT_EQ(send("POST", "/echo", std::string(1001, 'x')).status, 413);
  EXPECT_EQ(send("POST", "/echo", std::string(1000, 'x')).status, 200);
}

TEST_F(HttpTest, APathMayHaveItsOwnFormOfProblems) {
  EXPECT_EQ(send("POST", "/echo", std::string(1001, 'x')).body, "refused with 413");
  EXPECT_EQ(send("DELETE", "/echo").body, "refused with 405");
  EXPECT_EQ(send("POST", "/echo", "not gzip", {{"Content-Encoding", "gzip"}}).body,
            "refused with 400");
  EXPECT_THAT(raw("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
              testing::HasSubstr("refused with 400"));
  EXPECT_EQ(send("POST", "/echo", "x").body, "x");
  EXPECT_THAT(send("GET", "/nothing").body, testing::HasSubstr("urn:zhiyin:problem"));
}

TEST_F(HttpTest, WhatNeedsNoWaitingIsAnsweredWithoutThePool) {
  EXPECT_EQ(send("GET", "/quick/known").body, "at once");
  EXPECT_EQ(send("GET", "/quick/other").body, "by the pool");
  EXPECT_EQ(send("GET", "/quick/throws").status, 500);
  pool_.stop();
  EXPECT_EQ(send("GET", "/quick/known").body, "at once");
  EXPECT_EQ(send("GET", "/quick/other").status, 503);
}

TEST_F(HttpTest, UnpacksGzipWithinTheLimit) {
  const Headers gzipped = {{"Content-Encoding", "gzip"}};
  EXPECT_EQ(send("POST", "/echo", gzip("你好"), gzipped).body, "你好");
  EXPECT_EQ(send("POST", "/echo", gzip(std::string(100'000, 'x')), gzipped).status, 413);
  EXPECT_EQ(send("POST", "/echo", "not gzip", gzipped).status, 400);
}

TEST_F(HttpTest, AFileIsSentPieceByPieceBetweenBodyAndEnd) {
  const TempFolder folder;
  ClientRequest request;
  request.method = "POST";
  request.url = base_ + "/store";
  request.body = "begin ";
  request.body_file = folder.path() / "big";
  request.body_end = " end";
  const auto absent = client_->send_and_wait(request);
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().error.code, ErrorCode::kNotFound);
  EXPECT_EQ(absent.error().progress, SendProgress::kNothingSent);
  for (const std::size_t size : {0UZ, 1UZ, 65'536UZ, 200'001UZ}) {
    const std::string content(size, 'x');
    ASSERT_TRUE(write_file(request.body_file, content));
    const auto response = client_->send_and_wait(request);
    ASSERT_TRUE(response) << response.error().error.text();
    EXPECT_EQ(response->body, "begin " + content + " end");
  }
}

TEST_F(HttpTest, GarbageAndHugeHeadersAreRefused) {
  EXPECT_THAT(raw("\x01\x02garbage\r\n\r\n"), testing::StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(raw("GET / HTTP/1.1\r\nX: " + std::string(8000, 'a') + "\r\n\r\n"),
              testing::StartsWith("HTTP/1.1 431"));
}

TEST_F(HttpTest, ASlowRequestIsCutOff) {
  EXPECT_EQ(raw("POST /echo HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc"),
            "");  // closed after request_timeout
}

TEST_F(HttpTest, ChunkedBodiesAndPipelinedRequests) {
  const std::string answer =
      raw("POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
          "GET /files/x HTTP/1.1\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(answer, testing::HasSubstr("\r\n\r\nabcHTTP/1.1 200 OK"));
  EXPECT_THAT(answer, testing::EndsWith("\r\n\r\nx"));
}

TEST_F(HttpTest, DrainLetsIdleConnectionsGo) {
  EXPECT_EQ(send("GET", "/files/x").status, 200);
  server_->drain(std::chrono::seconds(5));
  EXPECT_EQ(send("GET", "/files/x").status, -1);
}

TEST_F(HttpTest, ClientSaysWhetherAnythingWasSent) {
  ClientRequest request;
  request.url = "http://127.0.0.1:1/";
  const auto r = client_->send_and_wait(request);
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().progress, SendProgress::kNothingSent);
  request.url = "ftp://x";
  EXPECT_EQ(client_->send_and_wait(request).error().error.code, ErrorCode::kInvalidArgument);
}

TEST(Connections, ThoseThatWaitLongestMakeRoomForNewOnes) {
  MetricsRegistry metrics;
  Router router;
  router.add("GET", "/hello",
             [](Request&) -> Task<Response> { co_return Response::text("hello"); });
  ServerSettings settings;
  settings.threads = 1;
  settings.connections_max = 8;
  settings.shed_after = std::chrono::milliseconds(100);
  auto server = Server::start(settings, std::move(router), {}, metrics, null_logger());
  ASSERT_TRUE(server);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons((*server)->port());
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const auto open_slow = [&] {
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    EXPECT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::send(fd, "GET /he", 7, MSG_NOSIGNAL), 7);
    return fd;
  };
  std::vector<int> slow;
  for (int i = 0; i < 8; ++i) slow.push_back(open_slow());
  // Young ones stay: whoever comes now is told to come again, until the old ones have waited long
  // enough to go.
  const auto client = Client::create({});
  ClientRequest request;
  request.url = fmt::format("http://127.0.0.1:{}/hello", (*server)->port());
  int refusals = 0;
  for (;;) {
    const auto answer = client->send_and_wait(request);
    if (answer && answer->status == 200) break;
    ASSERT_LT(++refusals, 100'000);
  }
  EXPECT_GT(refusals, 0);
  EXPECT_THAT(metrics.text(), testing::HasSubstr("zhiyin_http_connections_shed_total"));
  for (const int fd : slow) ::close(fd);
}

TEST(Problem, SaysWhenToComeAgainWhereThatHelps) {
  EXPECT_EQ(header(Response::problem({ErrorCode::kUnavailable, "away", {}}).headers, "Retry-After"),
            "1");
  EXPECT_EQ(
      header(Response::problem({ErrorCode::kLimitReached, "many", {}}).headers, "Retry-After"),
      "1");
  EXPECT_EQ(
      header(Response::problem({ErrorCode::kInvalidArgument, "wrong", {}}).headers, "Retry-After"),
      "");
}

TEST(Problem, CarriesCodeAndField) {
  const Response r = Response::problem({ErrorCode::kInvalidArgument, "is missing", "name"});
  EXPECT_EQ(r.status, 400);
  EXPECT_THAT(r.body, testing::HasSubstr(
                          R"("code":"invalid_argument","detail":"is missing","field":"name")"));
}

}  // namespace
}  // namespace zhiyin::http

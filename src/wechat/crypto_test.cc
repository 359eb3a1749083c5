#include "wechat/crypto.h"

#include <gtest/gtest.h>

#include "base/crypto.h"
#include "base/random.h"
#include "wechat/crypto_vectors.h"

namespace zhiyin::wechat {
namespace {

class CryptVectors : public testing::TestWithParam<CryptVector> {
 protected:
  Secret key() const { return decode_aes_key(GetParam().encoding_aes_key).value(); }
};

TEST_P(CryptVectors, SignatureAgrees) {
  const CryptVector& v = GetParam();
  EXPECT_EQ(sorted_signature({v.token, v.timestamp, v.nonce, v.encrypted}), v.msg_signature);
  EXPECT_TRUE(signature_matches(v.msg_signature, {v.encrypted, v.nonce, v.timestamp, v.token}));
}

TEST_P(CryptVectors, Decrypts) {
  const CryptVector& v = GetParam();
  const auto opened = decrypt_message(key(), v.encrypted);
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->message, v.plain);
  EXPECT_EQ(opened->receive_id, v.receive_id);
  EXPECT_EQ(crypto::hex(opened->random), v.random_hex);
}

TEST_P(CryptVectors, EncryptsToTheSameBytesWithTheSameRandom) {
  const CryptVector& v = GetParam();
  const auto again =
      encrypt_message(key(), v.plain, v.receive_id, crypto::unhex(v.random_hex).value());
  ASSERT_TRUE(again);
  EXPECT_EQ(*again, v.encrypted);
}

TEST_P(CryptVectors, AnotherReceiverIsRefused) {
  const auto opened = decrypt_message_for(key(), GetParam().encrypted, "wx0000000000000000");
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().number, CryptError::kReceiver);
}

INSTANTIATE_TEST_SUITE_P(Known, CryptVectors, testing::ValuesIn(kCryptVectors),
                         [](const auto& param) { return std::string(param.param.id); });

TEST(Signature, PlainVectors) {
  EXPECT_EQ(sorted_signature({"AAAAA", "1714036504", "1514711492"}),
            "f464b24fc39322e44b38aa78f5edd27bd1441696");
  EXPECT_EQ(sorted_signature({"AAAAA", "1714037059", "486452656"}),
            "899cf89e464efb63f54ddac96b0a0a235f53aa78");
  EXPECT_EQ(sorted_signature({"test", "1410685589", "test"}),
            "f21891de399b4e33a1a93c9a7b8a8fffb5a443ff");
  EXPECT_EQ(sorted_signature({"AAAAA", "1714112445", "415670741"}),
            "6c5c811b55cc85e0e1b54100749188c20beb3f5d");
  EXPECT_EQ(sorted_signature({"RMNlACHlV5ThzfRlVS4D4", "timestamp", "nonce", "encrypt"}),
            "8edac0945683c119ee71c9f6256d76c48aa08a96");
}

TEST(Signature, CardTicketSortsAllItsParts) {
  EXPECT_EQ(
      sorted_signature(
          {"sM4AOVdWfPE4DxkXGEs8VMCPGGVi4C3VM0P37wVUCFvkVAy_90u5h9nbSlYy3-Sl-HhTdfl2fzFy1AOcHKP7qg",
           "1414587457", "random_card_id", "Wm3WZYTPz0wzccnW"}),
      "22dce6bad4db532d4a2ef82ca2ca7bbe1e10ef28");
}

TEST(Signature, EveryFlippedPartIsRefused) {
  const std::string good = sorted_signature({"token", "1", "2", "abc"});
  EXPECT_TRUE(signature_matches(good, {"token", "1", "2", "abc"}));
  EXPECT_FALSE(signature_matches(good, {"tokem", "1", "2", "abc"}));
  EXPECT_FALSE(signature_matches(good, {"token", "0", "2", "abc"}));
  EXPECT_FALSE(signature_matches(good, {"token", "1", "3", "abc"}));
  EXPECT_FALSE(signature_matches(good, {"token", "1", "2", "abb"}));
  EXPECT_FALSE(signature_matches("", {"token", "1", "2", "abc"}));
}

TEST(JsSdkSignature, KnownAnswersAndFragmentLeftOut) {
  constexpr std::string_view kTicket =
      "sM4AOVdWfPE4DxkXGEs8VMCPGGVi4C3VM0P37wVUCFvkVAy_90u5h9nbSlYy3-Sl-HhTdfl2fzFy1AOcHKP7qg";
  constexpr std::string_view kAnswer = "0f9de62fce790f9a083d5c99e95740ceb90c27ed";
  EXPECT_EQ(js_sdk_signature(kTicket, "Wm3WZYTPz0wzccnW", "1414587457",
                             "http://mp.weixin.qq.com?params=value"),
            kAnswer);
  EXPECT_EQ(js_sdk_signature(kTicket, "Wm3WZYTPz0wzccnW", "1414587457",
                             "http://mp.weixin.qq.com?params=value#top"),
            kAnswer);
  EXPECT_EQ(
      js_sdk_signature(
          "bxLdikRXVbTPdHSM05e5u4RbEYQn7pNQMPrfzl8lJNb1foLDa3HIwI3BRMkQmSO_5F64VFa75uURcq6Uz7QHgA",
          "82693e11-b9bc-448e-892f-f5289f46cd0f", "1419835025",
          "http://omstest.vmall.com:23568/thirdparty/wechat/vcode/"
          "gotoshare?quantity=1&batchName=MATE7"),
      "c6f04b64d6351d197b71bd23fb7dd2d44c0db486");
}

TEST(AesKey, LastCharacterMayCarrySurplusBits) {
  const auto key = decode_aes_key("abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG");
  ASSERT_TRUE(key);
  EXPECT_EQ(key->reveal().size(), kAesKeyBytes);
  EXPECT_EQ(*key, *decode_aes_key("abcdefghijklmnopqrstuvwxyz0123456789ABCDEFE"));
}

TEST(AesKey, AnythingButFortyThreeLettersAndDigitsIsRefused) {
  const std::string good(43, 'A');
  for (const std::string& bad :
       {good.substr(1), good + "A", std::string("+") + good.substr(1), good.substr(1) + "="}) {
    const auto key = decode_aes_key(bad);
    ASSERT_FALSE(key) << bad;
    EXPECT_EQ(key.error().number, CryptError::kIllegalKey);
  }
}

TEST(Decrypt, DamageIsRefusedWithItsClass) {
  const Secret key = decode_aes_key("abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG").value();
  const std::string good = encrypt_message(key, "hello", "wx1", std::string(16, 'r')).value();
  EXPECT_EQ(decrypt_message(key, "***").error().number, CryptError::kBase64);
  EXPECT_EQ(decrypt_message(key, "").error().number, CryptError::kIllegalBuffer);
  EXPECT_EQ(decrypt_message(key, crypto::base64("short")).error().number,
            CryptError::kIllegalBuffer);
  const Secret other = decode_aes_key(std::string(43, 'B')).value();
  EXPECT_EQ(decrypt_message(other, good).error().number, CryptError::kDecrypt);
  EXPECT_EQ(decrypt_message(Secret("short"), good).error().number, CryptError::kIllegalKey);
  EXPECT_EQ(encrypt_message(key, "m", "wx1", "not16").error().number, CryptError::kEncrypt);
}

TEST(Decrypt, RoundTripOfEveryPaddingAndNeverMoreThanWasPutIn) {
  const Secret key = decode_aes_key("kWxPEV2UEDyxWpmPdKC3F4dgPDmOvfKX1HGnEUDS1aR").value();
  Random random(7);
  for (std::size_t size = 0; size < 100; ++size) {
    std::string message;
    for (std::size_t i = 0; i < size; ++i) message += static_cast<char>(random.below(256));
    std::string head;
    for (int i = 0; i < 16; ++i) head += static_cast<char>(random.below(256));
    const auto encrypted = encrypt_message(key, message, "wx49f0ab532d5d035a", head);
    ASSERT_TRUE(encrypted);
    EXPECT_EQ(crypto::unbase64(*encrypted)->size() % 32, 0U);
    EXPECT_EQ(decrypt_message_for(key, *encrypted, "wx49f0ab532d5d035a").value(), message);
  }
}

TEST(Decrypt, FlippedBytesNeverCrashAndNeverGiveTheMessageToAnother) {
  const Secret key = decode_aes_key("kWxPEV2UEDyxWpmPdKC3F4dgPDmOvfKX1HGnEUDS1aR").value();
  const std::string bytes =
      crypto::unbase64(*encrypt_message(key, "some text", "wx1", std::string(16, 'r'))).value();
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    std::string damaged = bytes;
    damaged[i] = static_cast<char>(damaged[i] ^ 1);
    const auto opened = decrypt_message_for(key, crypto::base64(damaged), "wx2");
    EXPECT_FALSE(opened);
  }
}

}  // namespace
}  // namespace zhiyin::wechat

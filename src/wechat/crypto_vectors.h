#pragma once

#include <string_view>

namespace zhiyin::wechat {

/// Known answers of WXBizMsgCrypt: official samples (M1, M2, W3), test suites of other libraries,
/// captures of real traffic (W4, W5) and verification echoes of WeCom (E1 to E4). For tests.
struct CryptVector {
  std::string_view id, token, encoding_aes_key, receive_id, timestamp, nonce;
  std::string_view random_hex;  ///< the 16 bytes in front
  std::string_view plain, encrypted, msg_signature;
};

inline constexpr CryptVector kCryptVectors[] = {
    {"M1", "AAAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "wxba5fad812f8e6fb9",
     "1714112445", "415670741", "61386565646231383565623266656366",
     "{\"ToUserName\":\"gh_97417a04a28d\",\"FromUserName\":\"o9AgO5Kd5ggOC-bXrbNODIiE3bGY\","
     "\"CreateTim"
     "e\":1714112445,\"MsgType\":\"event\",\"Event\":\"debug_demo\",\"debug_str\":\"hello world\"}",
     "+qdx1OKCy+5JPCBFWw70tm0fJGb2Jmeia4FCB7kao+/Q5c/ohsOzQHi8khUOb05JCpj0JB4RvQMkUyus8TPxLKJG"
     "QqcvZqzDpVzazhZv6JsXUnnR8XGT740XgXZUXQ7vJVnAG+tE8NUd4yFyjPy7GgiaviNrlCTj+l5kdfMuFUPpRSrf"
     "MZuMcp3Fn2Pede2IuQrKEYwKSqFIZoNqJ4M8EajAsjLY2km32IIjdf8YL/P50F7mStwntrA2cPDrM1kb6mOcfBgR"
     "tWygb3VIYnSeOBrebufAlr7F9mFUPAJGj04=",
     "046e02f8204d34f8ba5fa3b1db94908f3df2e9b3"},
    {"M2", "AAAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "wxba5fad812f8e6fb9",
     "1713424427", "415670741", "37303737323262383033313832393530", "{\"demo_resp\":\"good luck\"}",
     "ELGduP2YcVatjqIS+eZbp80MNLoAUWvzzyJxgGzxZO/5sAvd070Bs6qrLARC9nVHm48Y4hyRbtzve1L32tmxSQ==",
     "1b9339964ed2e271e7c7b6ff2b0ef902fc94dea1"},
    {"M3", "pamtest", "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG", "wxb11529c136998cb6",
     "1409304348", "xxxxxx", "31313131313131313131313131313131", "a",
     "GzaeD9PifpOXZJMAlR0/eO1Zh/KFWF/wLfN3RrfoLD75bPYiVR/Z3w3RkK8RKFcvO179gZ/sSnUojWC7MlSEmA==",
     "cbc5951ff29fd868d66964ca6712c0be56705e46"},
    {"M4", "pamtest", "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG", "wxb11529c136998cb6",
     "1409304348", "xxxxxx", "61616161626262626363636364646464", "我是中文abcd123",
     "jn1L23DB+6ELqJ+6bruv21Y6MD7KeIfP82D6gU39rmkgczbWwt5+3bnyg5K55bgVtVzd832WzZGMhkP72vVOfg==",
     "82c962d39941aa48552f90ef55aa323dc620cc10"},
    {"M5", "pamtest", "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG", "wxb11529c136998cb6",
     "1458300676", "260774613", "64343331323362313631613462613834",
     "<xml><URL><![CDATA[http://wechat.laravel.so/server]]></URL><ToUserName><![CDATA[asdasdas"
     "d]]></ToUserName><FromUserName><![CDATA[asdasdasdsadasd]]></FromUserName><CreateTime>123"
     "4567898</CreateTime><MsgType><![CDATA[text]]></MsgType><Content><![CDATA[hello]]></Conte"
     "nt><MsgId>12345</MsgId></xml>",
     "rTNFcsut4LfGuAFKEUVVpwcaCOTJzOd9twZdIW910jb3k+iicx2uvhttIZ3Qg9Qgty3BEF2xbOrz6boTfb30dMom"
     "cgrkTqdFPwnhqbk+kIQ7rZiwny9D7NUrTgA5kpX3KsZvrXzUZyP2x9YOlxbgm572lmxKvM7HAQQhIQ/p6HBmoY30"
     "bGXFK0BtIu1pW9TjhOYrLQoU18nWYjWqDA1ynkmOytpv7QRI1P1+0NoxL0q2zO1DgeSvnE8CZGo/o5Ap/WHK5W2R"
     "AsinpzN4/LjPnmB6U01I5XCoJoC0GK/yMZycd2Oh8Nq6+wBkC1U85oy0ktOY4nLvsQMLrourmMGdZHuTbqpeJ8Ao"
     "/5PRYJ+WBvRUwPfGKBL2+2IKZF49vAJqkcGWSHGE76ZN2erXeuNazf/o9o3lIE3q739o4c8t9QGPe31GT2Go/rOz"
     "1BsrASwvauNulCh+++yz+CQzBIuikA==",
     "4f3ad57b6989f09f4eb392acce4f9e93942ed890"},
    {"M6", "pamtest", "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG", "wxb11529c136998cb6",
     "1409304348", "xxxxxx", "78534732716f58586341385330774369",
     "<xml><ToUserName><![CDATA[oia2Tj我是中文jewbmiOUlr6X-1crbLOvLw]]></ToUserName><FromUserName>"
     "<![CDATA[gh_7f083739789a]]></FromUserName><CreateTime>1407743423</CreateTime><MsgType><!"
     "[CDATA[video]]></MsgType><Video><MediaId><![CDATA[eYJ1MbwPRJtOvIEabaxHs7TX2D-HV71s79GUxq"
     "dUkjm6Gs2Ed1KF3ulAOA9H1xG0]]></MediaId><Title><![CDATA[testCallBackReplyVideo]]></Title>"
     "<Description><![CDATA[testCallBackReplyVideo]]></Description></Video></xml>",
     "+TW3NAL0lZTyCuJfrjeOkYEjM7wnPdvgAYiEkLnwk/yhu55LsbW/Omb3wulZeQxWEXO7aIvXC3ELlDgqIDvJB5yD"
     "0TomFSOei5QrZc9ma+Nta61j1NirSMpcq/L5UjZ47DRKKMHGq9wbxk5YCPsda+4I/v5CfSokOaSkuyaEjnKW0Yj+"
     "u9LHbROwkkjk/i5iI3cl6XGFQcLZ59dAX32W/YpkbRdcNBwlfQJhJKEWFlBRsEfr+AxYyZMdO6ylzWYMcbxp63A0"
     "J+8dpYlPzRsZdhjk7lRx0wXp0Tji41XfSCci844QChmSphC2yhS4uWF/o3Y7lRBN3H1YZTPXLRqyMCB+wnKsUf9m"
     "DO+hNkKcOJQQQhfRIKWIBXmU+VWVN5OOlpcIPpA75TK2FvfTBNUuU/VuUWYxbwcoVcnqkypazfukjRq16nZCVNME"
     "iP8H2hItP8wFXiAltjJitfkkn0R7MPW2If38Z0qyvwpVi/hnAvp84p8AbU/nvKwCzBayxWUzUNH7qVGPigCL7+zT"
     "x0moYhrOQXRJ+305hb/5GPR1uIZh8BOA1SnDfJ2934iJFrmK6gSDeSOYlAXbD3gicCugHYC1zjClOKovKHnYJcgV"
     "R/os6WROcyJ2GwcvRzrjbffM",
     "f62ac9176df0a0e52f60c29055246e0ff96a3b4f"},
    {"W1", "123456", "kWxPEV2UEDyxWpmPdKC3F4dgPDmOvfKX1HGnEUDS1aR", "wx49f0ab532d5d035a",
     "1411525903", "461056294", "31323334353637383930313233343536",
     "<xml>\n<MsgType><![CDATA[text]]></MsgType>\n<Content><![CDATA[test]]></Content>\n<FromUserN"
     "ame><![CDATA[wx49f0ab532d5d035a]]></FromUserName>\n<ToUserName><![CDATA[messense]]></ToUs"
     "erName>\n<AgentID>1</AgentID>\n<CreateTime>1411525903</CreateTime>\n</xml>",
     "9s4gMv99m88kKTh/H8IdkOiMg6bisoy3ypwy9H4hvSPe9nsGaqyw5hhSjdYbcrKk+j3nba4HMOTzHrluLBYqxgNc"
     "BqGsL8GqxlhZgURnAtObvesEl5nZ+uBE8bviY0LWke8Zy9V/QYKxNV2FqllNXcfmstttyIkMKCCmVbCFM2JTF5wY"
     "0nFhHZSjPUL2Q1qvSUCUld+/WIXrx0oyKQmpB6o8NRrrNrsDf03oxI1p9FxUgMnwKKZeOA/uu+2IEvEBtb7muXsV"
     "bwbgX05UPPJvFurDXafG0RQyPR+mf1nDnAtQmmNOuiR5MIkdQ39xn1vWwi1O5oazPoQJz0nTYjxxEE8kv3kFxtAG"
     "VRe3ypD3WeK2XeFYFMNMpatF9XiKzHo3",
     "407518b7649e86ef23978113f92d27afa9296533"},
    {"W2", "123456", "kWxPEV2UEDyxWpmPdKC3F4dgPDmOvfKX1HGnEUDS1aR", "wx49f0ab532d5d035a",
     "1411525903", "461056294", "65633930623135333033353864346433",
     "<xml><ToUserName><![CDATA[wx49f0ab532d5d035a]]></ToUserName>\n<FromUserName><![CDATA[mess"
     "ense]]></FromUserName>\n<CreateTime>1411525903</CreateTime>\n<MsgType><![CDATA[text]]></Ms"
     "gType>\n<Content><![CDATA[test]]></Content>\n<MsgId>4363689963896700987</MsgId>\n<AgentID>1"
     "</AgentID>\n</xml>",
     "RgqEoJj5A4EMYlLvWO1F86ioRjZfaex/gePD0gOXTxpsq5Yj4GNglrBb8I2BAJVODGajiFnXBu7mCPatfjsu6IHC"
     "rsTyeDXzF6Bv283dGymzxh6ydJRvZsryDyZbLTE7rhnus50qGPMfp2wASFlzEgMW9z1ef/RD8XzaFYgm7iTdaXpX"
     "aG4+BiYyolBug/gYNx410cvkKR2/nPwBiT+P4hIiOAQqGp/TywZBtDh1yCF2KOd0gpiMZ5jSw3e29mTvmUHzkVQi"
     "MS6td7vXUaWOMZnYZlF3So2SjHnwh4jYFxdgpkHHqIrH/54SNdshoQgWYEvccTKe7FS709/5t6NMxuGhcUGAPOQi"
     "pvWTT4dShyqio7mlsl5noTrb++x6En749zCpQVhDpbV6GDnTbcX2e8K9QaNWHp91eBdCRxthuL0=",
     "74d92dfeb87ba7c714f89d98870ae5eb62dff26d"},
    {"W3", "QDG6eK", "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C", "wx5823bf96d3bd56c7",
     "1409659813", "1372623149", "30393630363838393332633437656631",
     "<xml><ToUserName><![CDATA[wx5823bf96d3bd56c7]]></ToUserName>\n<FromUserName><![CDATA[mycr"
     "eate]]></FromUserName>\n<CreateTime>1409659813</CreateTime>\n<MsgType><![CDATA[text]]></Ms"
     "gType>\n<Content><![CDATA[hello]]></Content>\n<MsgId>4561255354251345929</MsgId>\n<AgentID>"
     "218</AgentID>\n</xml>",
     "RypEvHKD8QQKFhvQ6QleEB4J58tiPdvo+rtK1I9qca6aM/wvqnLSV5zEPeusUiX5L5X/0lWfrf0QADHHhGd3Qczc"
     "dCUpj911L3vg3W/sYYvuJTs3TUUkSUXxaccAS0qhxchrRYt66wiSpGLYL42aM6A8dTT+6k4aSknmPj48kzJs8qLj"
     "vd4Xgpue06DOdnLxAUHzM6+kDZ+HMZfJYuR+LtwGc2hgf5gsijff0ekUNXZiqATP7PF5mZxZ3Izoun1s4zG4LUMn"
     "vw2r+KqCKIw+3IQH03v+BCA9nMELNqbSf6tiWSrXJB3LAVGUcallcrw8V2t9EL4EhzJWrQUax5wLVMNS0+rUPA3k"
     "22Ncx4XXZS9o0MBH27Bo6BpNelZpS+/uh9KsNlY6bHCmJU9p8g7m3fVKn28H3KDYA5Pl/T8Z1ptDAVe0lXdQ2Yoy"
     "yH2uyPIGHBZZIs2pDBS8R07+qN+E7Q==",
     "477715d11cdb4164915debcba66cb864d751f3e6"},
    {"W4", "pcoLldqMu2WQQtYBeDX5HiXPsBFlTnDM", "CyjBvGm4tJNmcThkeL5Wajzom4jKlBygKtpTkYeqsnE",
     "wwedab3d5fc43636d8", "1623301925", "1624217036", "37323830393732363334653766363439",
     "<xml><ToUserName><![CDATA[wwedab3d5fc43636d8]]></ToUserName><FromUserName><![CDATA[WangC"
     "haoYi]]></FromUserName><CreateTime>1623301925</CreateTime><MsgType><![CDATA[text]]></Msg"
     "Type><Content><![CDATA[密文测试]]></Content><MsgId>6972028683187026694</MsgId><AgentID>10000"
     "05</AgentID></xml>",
     "ZBY4h9SD1Y/v+ighMGU4yHSVWyMuf2UdQQfFuB8S/SY5il9MynR1rtKIJDG871vOqaCs0FVje6bX0VyhvL02PG7F"
     "XjRR+rAyiwVv7T7nBGgamkPeOv4n/jXgFQnY6NEt3Zym09t4aI+21pDcE6uN6JzcC+hxw5sBfVyza3NHyuLiyhva"
     "lsFbasA4HNcnK+4/3eZLMo+e6yvHUsY4WhmZWW5u5mHcDZm1jtI2fUtzod6Sx7PrCOhm+zUO1I98OD0EmICxHHMj"
     "MkGmSFuGhG8vXRKaRavzvV/fkscZK1HjW+XJOV0c9wYDZT+/LTjDS/yx5KkM5lIksiw57DsCro9gvmE1WdvB3bw3"
     "m+5ie2x1ZRSuh6ik1rbMTiXgJXt0MnbV8VsyPe1zhkbug1cwdhT9zcOTieb0oyiIl3wSAEkNNBNBaWB+78V1hM/n"
     "gMoZgKaaasJUCGtPH/rN+YnxGicDOg==",
     "d728d2bea7e28585ebd14eacbd330d84073fe7f1"},
    {"W5", "kz7Yx62CH8SaLN", "cD0d7jx4tYvVtzqrmh3Dm3QFCXe6f8SlHoMtMh3qQEP", "ww6a112864f8022910",
     "1583995625", "1584392382", "21e33070c56d1ca4e4fa84ace71334f6",
     "<xml><ToUserName><![CDATA[ww6a112864f8022910]]></ToUserName><FromUserName><![CDATA[fooba"
     "r]]></FromUserName><CreateTime>1583995625</CreateTime><MsgType><![CDATA[text]]></MsgType"
     "><Content><![CDATA[x123]]></Content><MsgId>2018405441</MsgId><AgentID>1000002</AgentID><"
     "/xml>",
     "EUCt7xMcNiyASzZj0Hjc5yDjFQrCum6AfQ3ntHiUzjGQ51xieKmbvtrZ40/EcB2W/W8yH0n4Lqx48gJl/T9HD/R3"
     "09I0P/r5pIZucK3lyEn48FYMr4YdE0QdL2jIJ3xkcXUr6uzefzCxG6lMvwpAJaOyVCzN7sRRw47njfxy5EIqU6R9"
     "ZBhlTzfdnhhOhK/nTwzrZX3SoGlXFA9OBeZ6ru1NWpXFk76x9DUMe0lcxPPiUqK8ctnQcYXSGUHVqC6DfG7E7mab"
     "0OmruNN8cBZY5d3dYOBA4OgaH55Q0AJmUpdT8vNiXpXx+6TxT3TIjySXpDrHVyrsb772aYywgg/Nu4kUmGkALwFZ"
     "lzhjNegR7wDwb9lr4ERXsSSS8JZ8lbBmaQ3F2Tq584xoPj5rIhXAF734ynm4no1g+SdHiNqR328=",
     "f265ae551b1932727204c3d707628d01376a6940"},
    {"E1", "QDG6eK", "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C", "wx5823bf96d3bd56c7",
     "1409659589", "263014780", "63343162363434393163323436386430", "1616140317555161061",
     "P9nAzCzyDtyTWESHep1vC5X9xho/qYX3Zpb4yKa9SKld1DsH3Iyt3tP3zNdtp+4RPcs8TgAE7OaBO+FZXvnaqQ==",
     "5c45ff5e21c57e6ad56bac8758b79b1d9ac89fd3"},
    {"E2", "123456", "kWxPEV2UEDyxWpmPdKC3F4dgPDmOvfKX1HGnEUDS1aR", "wx49f0ab532d5d035a",
     "1411443780", "437374425", "32333034666332666531343666316638", "5927782489442352469",
     "4ByGGj+sVCYcvGeQYhaKIk1o0pQRNbRjxybjTGblXrBaXlTXeOo1+bXFXDQQb1o6co6Yh9Bv41n7hOchLF6p+Q==",
     "dd6b9c95b495b3f7e2901bfbc76c664930ffdb96"},
    {"E3", "pcoLldqMu2WQQtYBeDX5HiXPsBFlTnDM", "CyjBvGm4tJNmcThkeL5Wajzom4jKlBygKtpTkYeqsnE",
     "wwedab3d5fc43636d8", "1623292419", "1623324060", "31326439383262316233386364363934",
     "6058207018001857403",
     "o1XtmVltGmUAqoWee54yd4Q5ZBgrw4/9lFo5qdZoVPd1DybzarjuYCfFlR2AFbAcWHwFgmbrVBD+f9910QIF6g==",
     "1495c4dfd4958d4e5faf618978ae66943a042f87"},
    {"E4", "kjr2TKI8umCBfVF3wAHk8JiPwma5VBme", "4Ma3YBrSBbX2aez8MJpXGBne5LSDwgGqHbhM9WPYIws",
     "ww6a112864f8022910", "1583940690", "VHh7ymSeb0jc4lSb", "35514d735963776a5239357432766d43",
     "94966531020182955848408",
     "6KmUQuPVu7UhjyVqRdbo5SfcRqaHvbUlKSHFvBV2ZuR6TIlKsygcfeSd1GDplg1C5KSKr6UPHCaC/nIX3ZNt9w==",
     "1ba3cb09c0d2c2b3ed6900d37f91a6efae6cb011"},
};

}  // namespace zhiyin::wechat

"""Texts for comparing tokenizers: one natural sentence or two per script, hard cases, and a fuzzer of Unicode."""

from hypothesis import strategies as st

# Script -> text. More than 40 scripts of Unicode, each with its own digits or punctuation where it has them.
SCRIPTS = {
    "Latin": "The quick brown fox doesn't jump over 13 lazy dogs. Ünïcödé, naïve façade, Ångström, Żółć, İstanbul",
    "Vietnamese": "Tất cả mọi người sinh ra đều được tự do và bình đẳng về nhân phẩm và quyền lợi.",
    "Cyrillic": "Все люди рождаются свободными и равными в своём достоинстве. Ґанок, Ђурђевак, Їжак, Өмір!",
    "Greek": "Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι. Ἐν ἀρχῇ ἦν ὁ λόγος· ΣΊΣΥΦΟΣ, ὀδυσσεύς;",
    "Armenian": "Բոլոր մարդիկ ծնվում են ազատ ու հավասար՝ իրենց արժանապատվությամբ։ և",
    "Georgian": "ყველა ადამიანი იბადება თავისუფალი და თანასწორი. ᲡᲐᲥᲐᲠᲗᲕᲔᲚᲝ",
    "Hebrew": "כל בני האדם נולדו בני חורין ושווים בערכם. בְּרֵאשִׁית בָּרָא אֱלֹהִים ״כן״",
    "Arabic": "يولد جميع الناس أحرارًا متساوين في الكرامة والحقوق. ٱلْحَمْدُ لِلَّٰهِ، ١٢٣؟ ﷺ لا",
    "Persian": "تمام افراد بشر آزاد به دنیا می‌آیند، ۴۵۶ پژوهش‌گر گچ",
    "Urdu": "تمام انسان آزاد اور حقوق و عزت کے اعتبار سے برابر پیدا ہوئے ہیں۔ ٹڈے",
    "Syriac": "ܟܠ ܒܪܢܫܐ ܒܪܝܠܗ ܚܐܪܐ ܘܒܪܒܪ ܓܘ ܐܝܩܪܐ ܘܙܕܩܐ܀",
    "Thaana": "ހުރިހާ އިންސާނުންވެސް އުފަންވަނީ މިނިވަންކަން ލިބިގެންވާ ބައެއްގެ ގޮތުގައެވެ.",
    "NKo": "ߛߊߢߊ߫ ߓߘߍ ߟߎ߬ ߓߍ߯ ߡߐ߬ߟߐ߲߬ߣߍ߲ ߠߎ߫ ߘߏ߲߬ ߤߙߐߦߊ߫ ߘߐ߫ ߁߂߃",
    "Devanagari": "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता है। क्षत्रिय, ज़रा १२३ ॐ",
    "Bengali": "সমস্ত মানুষ স্বাধীনভাবে সমান মর্যাদা এবং অধিকার নিয়ে জন্মগ্রহণ করে। ৎ ১২৩",
    "Gurmukhi": "ਸਾਰਾ ਮਨੁੱਖੀ ਪਰਿਵਾਰ ਆਪਣੀ ਮਹਿਮਾ ਅਤੇ ਹੱਕਾਂ ਦੇ ਪੱਖੋਂ ਜਨਮ ਤੋਂ ਹੀ ਆਜ਼ਾਦ ਹੈ। ੴ",
    "Gujarati": "પ્રતિષ્ઠા અને અધિકારોની દૃષ્ટિએ સર્વ માનવો જન્મથી સ્વતંત્ર હોય છે. ૧૨૩",
    "Oriya": "ସବୁ ମନୁଷ୍ୟ ଜନ୍ମକାଳରୁ ସ୍ୱାଧୀନ। ମର୍ଯ୍ୟାଦା ଓ ଅଧିକାରରେ ସମାନ। ୧୨୩",
    "Tamil": "மனிதப் பிறிவியினர் சகலரும் சுதந்திரமாகவே பிறக்கின்றனர். ஸ்ரீ ௧௨௩",
    "Telugu": "ప్రతిపత్తిస్వత్వముల విషయమున మానవులెల్లరును జన్మతః స్వతంత్రులు. ౧౨౩",
    "Kannada": "ಎಲ್ಲಾ ಮಾನವರೂ ಸ್ವತಂತ್ರರಾಗಿಯೇ ಹುಟ್ಟಿದ್ದಾರೆ. ಘನತೆ ಮತ್ತು ಹಕ್ಕುಗಳು ೧೨೩",
    "Malayalam": "മനുഷ്യരെല്ലാവരും തുല്യാവകാശങ്ങളോടും അന്തസ്സോടും ജനിച്ചിട്ടുള്ളവരാണ്. ൧൨൩ ൻ ർ",
    "Sinhala": "සියලු මනුෂ්‍යයෝ නිදහස්ව උපත ලබා ඇත. ශ්‍රී ලංකාව",
    "Thai": "มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกันในเกียรติศักดิ์ น้ำ ๑๒๓ ฯลฯ",
    "Lao": "ມະນຸດທຸກຄົນເກີດມາມີກຽດສັກສີ ສິດທິ ເສລີພາບ ນ້ຳ ໑໒໓",
    "Tibetan": "འགྲོ་བ་མིའི་རིགས་རྒྱུད་ཡོངས་ལ་སྐྱེས་ཙམ་ཉིད་ནས་ཆེ་མཐོངས་དང༌། ༡༢༣",
    "Myanmar": "လူတိုင်းသည် တူညီလွတ်လပ်သော ဂုဏ်သိက္ခာဖြင့် မွေးဖွားလာသူများဖြစ်သည်။ ၁၂၃",
    "Khmer": "មនុស្សទាំងអស់កើតមកមានសេរីភាពនិងសមភាព។ ១២៣ ៛",
    "Ethiopic": "የሰው፡ልጅ፡ሁሉ፡ሲወለድ፡ነጻና፡በክብርና፡በመብትም፡እኩልነት፡ያለው፡ነው። ፩፪፫",
    "Cherokee": "ᎾᏍᎩᏯ ᎤᎾᏓᏡᎬ ᏴᏫ ᏂᎦᏓ ᎤᎾᏓᏅᏖᏗ ꭰꮿꮩꮈꭲ",
    "Canadian syllabics": "ᐃᓅᔪᓕᒫᑦ ᐊᓂᖅᑎᕆᔪᓕᒫᑦ ᐃᓅᓂᕐᒥᓂ ᐃᓱᒪᕐᓱᕐᑎᑕᐅᓪᓗᑎᒃ",
    "Mongolian": "ᠬᠦᠮᠦᠨ ᠪᠦᠷ ᠲᠥᠷᠥᠵᠦ ᠮᠡᠨᠳᠡᠯᠡᠬᠦ ᠡᠷᠬᠡ ᠴᠢᠯᠥᠭᠡ ᠲᠡᠢ᠃",
    "Han": "人人生而自由，在尊严和权利上一律平等。混合English字符。𠮷野家 龘 〇",
    "Traditional Han": "人人生而自由，在尊嚴和權利上一律平等。「他們賦有理性和良心」",
    "Japanese": "すべての人間は、自由であり、かつ、尊厳と権利とについて平等である。ﾊﾝｶｸ が か\u3099",
    "Hangul": "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다. \u1112\u1161\u11ab ㅋㅋㅋ",
    "Yi": "ꊿꂷꃅꄿꐨꐥ，ꌅꅍꀂꏽꐯꒈꃅꐥꌐ。",
    "Tifinagh": "ⵉⵎⴷⴰⵏⴻⵏ, ⴰⴽⴽⴻⵏ ⵎⴰ ⵍⵍⴰⵏ ⵜⵜⵍⴰⵍⴻⵏ ⴷ ⵉⵍⴻⵍⵍⵉⵢⴻⵏ",
    "Javanese": "ꦱꦧꦼꦤ꧀ꦮꦺꦴꦁꦏꦭꦲꦶꦂꦲꦏꦺꦏꦤ꧀ꦛꦶꦩꦂꦢꦶꦏ ꧇꧑꧒꧇",
    "Balinese": "ᬲᬫᬶᬫᬓᬢᬫᬦᬸᬱᬦᬾᬳᬸᬭᬶᬧ᭄ ᭑᭒᭓",
    "Gothic": "𐌰𐍄𐍄𐌰 𐌿𐌽𐍃𐌰𐍂 𐌸𐌿 𐌹𐌽 𐌷𐌹𐌼𐌹𐌽𐌰𐌼",
    "Cuneiform": "𒈗 𒆗𒂵 𒀭𒀫𒌓",
    "Hieroglyphs": "𓂀 𓆣𓏏𓊖",
    "Adlam": "𞤋𞤥𞤢𞤲 𞤬𞤮𞤬 𞤨𞤮𞥅𞤼𞤭 𞥑𞥒𞥓",
    "Deseret": "𐐜 𐐔𐐇𐐝𐐀𐐡𐐇𐐓 𐐰𐑊𐑁𐐲𐐺𐐯𐐻",
}

# What has broken tokenizers before.
HARD = [
    "",
    " ",
    "   ",
    "\n",
    "Hello, world!",
    " leading and trailing  spaces ",
    "tabs\tand\nnewlines\r\nand\u00a0no-break\u2003spaces\u3000wide\u2028line\u0085next",
    "zero\u200bwidth\u200djoiner \ufeff byte order \x00 null \x07 bell \ufffd \u00ad soft \u2060",
    "emoji 😀🏽👩‍👩‍👧 flags 🇩🇪 keycap 1️⃣ and symbols ∑∞≈√ €£¥ ™",
    "[CLS] already here [SEP] and a [MASK] too[MASK].",
    "<s>[INST] inside </s> <|endoftext|> <pad><unk> ▁ ## Ġ Ċ <0x0A>",
    "a" * 150 + " word longer than a hundred characters",
    "Pneumonoultramicroscopicsilicovolcanoconiosis antidisestablishmentarianism",
    "http://user:pw@example.org:8080/path?query=1&x=%20#frag",
    "e\u0301 versus \u00e9; a\u0323\u0302 \u1ead ﬁ ligature; ＦＵＬＬ ｗｉｄｔｈ; ½ ² ℌ Ⅷ ㍿ ǅ ẞß",
    "def f(x):\n    return {'a': [x**2, x//3]}  # code\n\n\n\tpass",
    "I'm you're HE'LL they've don't 'tis rock'n'roll ’curly’ “quotes” — dash… n't",
    "1234567890 1,234.56 3.14e-10 0x1F ١٢٣ 十二",
    "Z̸̡̛a̴l̵g̶o̷ t̵e̸x̴t̵ " + "a" + "\u0301" * 40,
    "\U0010ffff \ue000 private \U000e0041 tag \u0378 unassigned",
    "mIxEd CaSe İIıi ΑΣ ς σ Ǆ ŉ",
    "long " * 300,
]
CORPUS = [*HARD, *SCRIPTS.values()]

_ranges = [
    st.characters(codec="utf-8", exclude_categories=("Cs", "Co", "Cn")),
    st.characters(codec="utf-8"),
    st.characters(codec="ascii"),
    st.sampled_from(" \t\n\r\u00a0\u2003\u3000\u200b\u200d\ufeff\u00ad'’.,!?-_#▁Ġ<>[]|/"),
    st.characters(codec="utf-8", categories=("Mn", "Mc", "Me", "Lm", "Lo", "Lt")),
    st.characters(codec="utf-8", categories=("So", "Sk", "Sm", "Sc", "Pd", "Po", "No", "Nl")),
    st.sampled_from("".join(SCRIPTS.values())),
]


def texts(*tokens: str, pieces: int = 12) -> st.SearchStrategy[str]:
    """Fuzzed text: any Unicode but surrogates, pieces of the corpus, and `tokens` (added ones) in between."""
    words = [word for text in CORPUS for word in text.split()[:12]]
    piece = st.one_of(st.text(st.one_of(_ranges), max_size=8), st.sampled_from([*words, *tokens, *tokens, " "]))
    return st.lists(piece, max_size=pieces).map("".join)

"""Names, nouns and sentence templates of the sample data set: plain data for `mlqa.data.sample`.

A template has slots `{name}` or `{name:SUFFIX}`. Suffixes are written as in grammars of Turkish: A is a/e, I is
ı/i/u/ü, D is d/t, a letter in brackets is dropped after a consonant (`(n)In`: Ankara'nın, İzmir'in), and + joins
suffixes (`lAr+(s)I+(y)lA`: kedileriyle). All words are regular: no palatal l (Kemal'in), no `su` (suyun), no possessive
compounds.
"""

from __future__ import annotations

from typing import NamedTuple


class Relation(NamedTuple):
    """One kind of fact: how a text may state it, and how a question may ask for it.

    Attributes:
        sentences: Templates that each use every slot of the relation.
        questions: {slot of the answer: templates}, each with enough of the other slots to be answerable.
    """

    sentences: tuple[str, ...]
    questions: dict[str, tuple[str, ...]]


FIRST_NAMES = tuple(
    "Ahmet Mehmet Ali Hasan Murat Emre Can Deniz Ayşe Fatma Zeynep Elif Selin Ece Burak Okan Orhan "
    "Turgut Yusuf İbrahim Osman Leyla Nermin Sevgi Gülten Aylin Defne Berna Hakan Serkan Tuncay Umut "
    "Vedat Yavuz Cemile Çiğdem Özlem Şirin Melek İrem".split()
)
LAST_NAMES = tuple(
    "Yılmaz Kaya Demir Çelik Şahin Öztürk Aydın Arslan Doğan Kılıç Aslan Çetin Kara Koç Kurt Özkan "
    "Şimşek Polat Korkmaz Çakır Erdem Yavuz Güneş Aksoy Taş Bulut Keskin Ünal Turan Güler Yalçın "
    "Tekin Avcı Işık Ateş Coşkun Bozkurt Sönmez Uysal Toprak".split()
)
CITIES = tuple(
    "İstanbul Ankara İzmir Bursa Adana Konya Antalya Trabzon Sinop Paris Kars Van Edirne Mardin Muğla "
    "Ordu Rize Sivas Tokat Uşak Bolu Artvin Burdur Denizli Giresun Isparta Kayseri Malatya Samsun "
    "Erzurum Zonguldak Londra Berlin Bitlis".split()
)
# A village is a first and a last part (Yeşilova), and so is a river (Karaçay): large pools from few sub-words.
FIRST_PARTS = tuple("Ak Kara Yeşil Kızıl Sarı Gök Boz Taş Çam Ulu Eski Yeni Güzel Alt Üç Beş".split())
VILLAGE_PARTS = tuple("ova köy tepe pınar kaya dere hisar saray kent yurt bağ bahçe göl orman".split())
RIVER_PARTS = tuple("çay ırmak öz azmak".split())
TITLE_ADJECTIVES = tuple(
    "Sessiz Mavi Uzak Kayıp Eski Yalnız Beyaz Gizli Uzun Son Kırık Soğuk Derin Yorgun Parlak".split()
)
TITLE_NOUNS = tuple("Köprü Deniz Orman Gece Kapı Yol Bahçe Rüya Ada Liman Ayna Mektup Kule Rüzgâr Sokak".split())
JOBS = tuple(
    "mimarlık öğretmenlik doktorluk terzilik balıkçılık marangozluk gazetecilik avukatlık çiftçilik "
    "eczacılık fırıncılık ressamlık saatçilik demircilik kuyumculuk şoförlük".split()
)
SUBJECTS = tuple("tarih felsefe kimya fizik edebiyat coğrafya müzik matematik ekonomi biyoloji tıp resim".split())
ANIMALS = tuple(
    "kedi köpek martı güvercin keçi koyun at leylek serçe tavşan ördek kaz arı eşek kartal kaplumbağa".split()
)
PRODUCTS = tuple(
    "fındık tütün pamuk üzüm incir zeytin elma kiraz buğday arpa nohut mısır kayısı ceviz badem limon karpuz".split()
)
COLOURS = tuple("sarı siyah beyaz gri kahverengi turuncu kızıl bej gümüş".split())
SPOTS = tuple("park bahçe dükkân çatı merdiven liman avlu pazar tekne kahvehane iskele depo".split())
FOODS = tuple("balık süt tavuk ekmek peynir ciğer hamsi yoğurt pilav köfte".split())

# Slots for common nouns: the suffix is joined to the word, and the answer is the whole word. All other slots are for
# names and numbers: the suffix follows an apostrophe, and the answer is the part before it.
COMMON_SLOTS = frozenset({"job", "subject", "animal", "product", "colour", "spot", "food"})

PEOPLE = {
    "born": Relation(
        (
            "{who} {year:DA} {city:DA} doğdu.",
            "{who}, {city:DA} {year:DA} dünyaya geldi.",
            "{who:(n)In} doğum yeri {city}, doğum yılı {year:DIr}.",
        ),
        {
            "year": (
                "{who} ne zaman doğdu?",
                "{who} hangi yıl dünyaya geldi?",
                "{who:(n)In} doğum yılı nedir?",
            ),
            "city": ("{who} nerede doğdu?", "{who} hangi kentte doğdu?", "{who:(n)In} doğum yeri neresidir?"),
            "who": ("{city:DA} kim doğdu?", "{year:DA} doğan kimdir?", "{city:DA} dünyaya gelen kimdir?"),
        },
    ),
    "moved": Relation(
        (
            "{who} {year:DA} {city:(y)A} taşındı.",
            "{who}, {year:DA} ailesiyle {city:(y)A} yerleşti.",
            "{who} {city:(y)A} {year:DA} göç etti.",
        ),
        {
            "city": ("{who} nereye taşındı?", "{who} hangi kente yerleşti?", "{who} nereye göç etti?"),
            "year": ("{who} ne zaman taşındı?", "{who} {city:(y)A} hangi yıl yerleşti?"),
            "who": ("{city:(y)A} kim taşındı?", "{city:(y)A} yerleşen kimdir?"),
        },
    ),
    "died": Relation(
        (
            "{who} {year:DA} {city:DA} öldü.",
            "{who}, {city:DA} {year:DA} hayatını kaybetti.",
            "{who:(n)In} ölüm yeri {city}, ölüm yılı {year:DIr}.",
        ),
        {
            "year": (
                "{who} ne zaman öldü?",
                "{who} hangi yıl hayatını kaybetti?",
                "{who:(n)In} ölüm yılı nedir?",
            ),
            "city": ("{who} nerede öldü?", "{who} hangi kentte öldü?", "{who:(n)In} ölüm yeri neresidir?"),
            "who": ("{city:DA} kim öldü?", "{year:DA} ölen kimdir?", "{city:DA} hayatını kaybeden kimdir?"),
        },
    ),
    "book": Relation(
        (
            "{who} {year:DA} {title:(y)I} yazdı.",
            "{who:(n)In} {title} adlı romanı {year:DA} yayımlandı.",
            "{title}, {who:(n)In} {year:DA} çıkan romanıdır.",
        ),
        {
            "title": (
                "{who} hangi romanı yazdı?",
                "{who:(n)In} romanı hangisidir?",
                "{who:(n)In} romanının adı nedir?",
            ),
            "year": (
                "{title} ne zaman yayımlandı?",
                "{title} hangi yıl çıktı?",
                "{who} romanını ne zaman yazdı?",
            ),
            "who": ("{title:(y)I} kim yazdı?", "{title} kimin romanıdır?", "{title:(n)In} yazarı kimdir?"),
        },
    ),
    "job": Relation(
        (
            "{who:(n)In} mesleği {job:(y)DI}.",
            "{who} uzun yıllar {job} yaptı.",
            "{who} geçimini {job:DAn} sağladı.",
        ),
        {
            "job": (
                "{who:(n)In} mesleği neydi?",
                "{who} hangi işi yaptı?",
                "{who} geçimini hangi işten sağladı?",
            ),
            "who": ("{job} yapan kimdir?", "Geçimini {job:DAn} kim sağladı?", "Mesleği {job} olan kimdir?"),
        },
    ),
    "studied": Relation(
        (
            "{who} {city:DA} {subject} okudu.",
            "{who}, {city:DA} {subject} eğitimi aldı.",
            "{who:(n)In} {city:DA} okuduğu bölüm {subject:(y)DI}.",
        ),
        {
            "subject": ("{who} hangi bölümü okudu?", "{who} ne okudu?", "{who} hangi eğitimi aldı?"),
            "city": ("{who} nerede okudu?", "{who} hangi kentte eğitim aldı?"),
            "who": ("{city:DA} kim okudu?", "{subject} okuyan kimdir?", "{subject} eğitimi alan kimdir?"),
        },
    ),
}

FAME = Relation(
    (
        "{place} {animal:lAr+(s)I+(y)lA} ünlüdür.",
        "{place} en çok {animal:lAr+(s)I+(y)lA} tanınır.",
        "{place:(n)In} {animal:lAr+(s)I} çok ünlüdür.",
    ),
    {
        "animal": (
            "{place} hangi hayvanlarıyla ünlüdür?",
            "{place} hangi hayvanlarıyla tanınır?",
            "{place:(n)In} hangi hayvanları ünlüdür?",
        ),
        "place": ("{animal:lAr+(s)I+(y)lA} ünlü yer neresidir?", "Neresi {animal:lAr+(s)I+(y)lA} tanınır?"),
    },
)

PLACES = {
    "founded": Relation(
        (
            "{place} {year:DA} kuruldu.",
            "{place:(n)In} kuruluş yılı {year:DIr}.",
            "Göçmenler {place:(y)I} {year:DA} kurdu.",
        ),
        {
            "year": (
                "{place} ne zaman kuruldu?",
                "{place} hangi yıl kuruldu?",
                "{place:(n)In} kuruluş yılı nedir?",
            ),
            "place": ("{year:DA} kurulan köy hangisidir?", "{year:DA} neresi kuruldu?"),
        },
    ),
    "population": Relation(
        (
            "{place:DA} {count} kişi yaşar.",
            "{place:(n)In} nüfusu {count:DIr}.",
            "{place} köyünde {count} insan oturur.",
        ),
        {
            "count": (
                "{place:DA} kaç kişi yaşar?",
                "{place:(n)In} nüfusu kaçtır?",
                "{place:DA} kaç insan oturur?",
            ),
            "place": ("{count} kişi nerede yaşar?", "Nüfusu {count} olan köy hangisidir?"),
        },
    ),
    "river": Relation(
        (
            "{place:DAn} {river} geçer.",
            "{place:(n)In} içinden {river} akar.",
            "{river:(n)In} suları {place:DAn} geçer.",
        ),
        {
            "river": ("{place:DAn} hangi ırmak geçer?", "{place:(n)In} içinden hangi ırmak akar?"),
            "place": ("{river} nereden geçer?", "{river} hangi köyün içinden akar?"),
        },
    ),
    "product": Relation(
        (
            "{place:DA} {product} yetişir.",
            "{place:(n)In} tarlalarında {product} yetişir.",
            "{place} halkı geçimini {product:DAn} sağlar.",
        ),
        {
            "product": (
                "{place:DA} ne yetişir?",
                "{place:(n)In} tarlalarında ne yetişir?",
                "{place} halkı geçimini hangi üründen sağlar?",
            ),
            "place": ("{product} nerede yetişir?", "Geçimini {product:DAn} sağlayan köy hangisidir?"),
        },
    ),
    "fame": FAME,
}

CATS = {
    "count": Relation(
        (
            "{place:DA} {count} kedi yaşar.",
            "{place:(n)In} sokaklarında {count} kedi vardır.",
            "{place:(n)In} kedilerinin sayısı {count:DIr}.",
        ),
        {
            "count": (
                "{place:DA} kaç kedi yaşar?",
                "{place:DA} kaç kedi vardır?",
                "{place:(n)In} kaç kedisi vardır?",
            ),
            "place": ("{count} kedi nerede yaşar?", "Nerede {count} kedi vardır?"),
        },
    ),
    "colour": Relation(
        (
            "{place:(n)In} kedileri {colour} renklidir.",
            "{place:DA} kedilerin çoğu {colour} renktedir.",
            "{place:(n)In} kedileri genellikle {colour:DIr}.",
        ),
        {
            "colour": ("{place:(n)In} kedileri ne renktir?", "{place:DA} kediler hangi renktedir?"),
            "place": ("Nerenin kedileri {colour} renklidir?", "{colour} renkli kediler nerede yaşar?"),
        },
    ),
    "sleep": Relation(
        (
            "{place:(n)In} kedileri {spot:lAr+DA} uyur.",
            "{place:DA} kediler geceyi {spot:lAr+DA} geçirir.",
        ),
        {
            "spot": ("{place:(n)In} kedileri nerede uyur?", "{place:DA} kediler geceyi nerede geçirir?"),
            "place": ("Nerenin kedileri {spot:lAr+DA} uyur?",),
        },
    ),
    "food": Relation(
        (
            "{place:(n)In} kedileri {food:(y)lA} beslenir.",
            "{place:DA} kedilere {food} verilir.",
            "{place:(n)In} kedileri en çok {food} sever.",
        ),
        {
            "food": (
                "{place:(n)In} kedileri neyle beslenir?",
                "{place:DA} kedilere ne verilir?",
                "{place:(n)In} kedileri en çok ne sever?",
            ),
            "place": ("Nerenin kedileri {food:(y)lA} beslenir?", "Nerede kedilere {food} verilir?"),
        },
    ),
    "care": Relation(
        (
            "{place:(n)In} kedilerine {who} bakar.",
            "{place:DA} kedileri {who} besler.",
            "{place:(n)In} kedileri {who:(n)In} evinde kalır.",
        ),
        {
            "who": ("{place:(n)In} kedilerine kim bakar?", "{place:DA} kedileri kim besler?"),
            "place": ("{who} nerenin kedilerine bakar?", "{who} nerede kedileri besler?"),
        },
    ),
    "fame": FAME,
}

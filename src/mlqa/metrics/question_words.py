"""Words that ask, by language: data for scores by question type.

A type's patterns are words; `stem*` takes any ending, two words must stand side by side. The first type in order with a
pattern anywhere in the question is the question's type, so that "ne zaman" (when) stands before "ne" (what). Words are
compared as the language folds them, without punctuation. Where an ending would also take other words (kim* takes kimya,
"chemistry") the forms are listed.
"""

from __future__ import annotations

QUESTION_WORDS: dict[str, dict[str, list[str]]] = {
    "tr": {
        "when": [
            "ne zaman*", "ne vakit", "hangi yıl*", "hangi sene*", "hangi tarih*", "hangi yüzyıl*", "hangi dönem*",
            "hangi devir*", "hangi gün*", "hangi ay", "hangi ayda", "kaç yılında", "kaç yılından", "kaç yılına",
            "kaç senesinde", "kaç tarihinde", "kaçıncı yüzyıl*", "kaçıncı yıl*",
        ],
        "where": [
            "nere*", "nerde*", "nerden*", "hangi şehir*", "hangi şehr*", "hangi kent*", "hangi ülke*", "hangi il",
            "hangi ilde", "hangi ilçe*", "hangi kıta*", "hangi bölge*",
        ],
        "who": [
            "kim", "kimi", "kime", "kimde", "kimden", "kimin*", "kimle", "kimce", "kimler*", "kimdir", "kimdi*",
            "kimmiş*", "hangi kişi*",
        ],
        "how_many": [
            "kaç", "kaçı", "kaçını", "kaçın", "kaçına", "kaçında", "kaçından", "kaça", "kaçta", "kaçtan", "kaçtır",
            "kaçtı", "kaçar", "kaçıncı*", "ne kadar*",
        ],
        "how": ["nasıl*", "ne şekilde", "ne suretle", "ne biçimde"],
        "why": ["niçin*", "niye*", "ne için", "ne sebeple", "ne amaçla", "neden", "nedendir"],
        "which": ["hangi*", "hangı*"],
        "what": [
            "ne", "nedir", "neydi*", "neymiş*", "neler*", "neyi", "neye", "neyin*", "neyde", "neyden", "neyle", "nesi",
            "nesine", "nesini", "nesidir",
        ],
        "yes_no": [
            "mi", "mı", "mu", "mü", "midir", "mıdır", "mudur", "miydi", "mıydı", "muydu", "müydü", "mıyım", "miyim",
        ],
    },
    "az": {
        "when": ["nə vaxt*", "nə zaman*", "haçan*", "hansı il*", "hansı tarix*", "hansı əsr*", "neçənci il*"],
        "where": ["hara*", "hansı şəhər*", "hansı ölkə*"],
        "who": ["kim", "kimi", "kimə", "kimdə", "kimdən", "kimin*", "kimlə", "kimlər*", "kimdir", "kimdi*"],
        "how_many": ["neçə*", "neçənci*", "nə qədər*"],
        "how": ["necə*", "nə cür*"],
        "why": ["niyə*", "nə üçün*", "nədən ötrü"],
        "which": ["hansı*"],
        "what": ["nə", "nədir", "nələr*", "nəyi", "nəyə", "nəyin*", "nədə", "nədən", "nə ilə"],
        "yes_no": ["mi", "mı", "mu", "mü", "midir", "mıdır", "mudur", "müdür"],
    },
    "fi": {
        "when": ["milloin*", "koska", "minä vuonna", "minä päivänä", "mihin aikaan", "millä vuosisadalla"],
        "where": ["missä*", "mistä päin", "mihin", "minne", "mistä"],
        "who": ["kuka*", "ketkä*", "kenen*", "kenet*", "keitä*", "ketä*", "kenellä*", "keneltä*", "kenelle*", "keneen*",
                "kenessä*", "kenestä*", "keiden*", "keille*", "keiltä*", "keillä*"],
        "how_many": ["kuinka mon*", "kuinka paljon", "montako*", "monta", "monesko*", "monen*", "kuinka suuri*",
                     "kuinka pitkä*", "kuinka kauan"],
        "how": ["miten", "kuinka*", "millä tavalla", "millä tavoin"],
        "why": ["miksi*", "mistä syystä", "minkä vuoksi", "minkä takia"],
        "which": ["kumpi*", "kumman*", "kumpaa*", "mikä näistä", "minkä niminen"],
        "what": ["mikä*", "mitkä*", "mitä*", "minkä*", "mille", "miltä", "millä", "millai*", "mihinkä"],
        "yes_no": ["onko*", "oliko*", "ovatko*", "olivatko*", "voiko*", "saako*", "pitääkö*", "tuleeko*"],
    },
    "hu": {
        "when": ["mikor*", "melyik év*", "melyik évben", "hányadik század*", "mely év*", "hány éve", "hányban",
                 "melyik század*", "meddig"],
        "where": ["hol", "hová", "hova", "honnan", "merre", "melyik város*", "melyik ország*", "merről"],
        "who": ["ki", "kik", "kit", "kiket", "kinek", "kiknek", "kivel", "kikkel", "kitől", "kiktől", "kihez", "kikhez",
                "kiről", "kikről", "kié", "kiben", "kiből", "kire", "kikre", "kiért", "kinél", "kiké"],
        "how_many": ["hány*", "mennyi*", "mekkora*", "milyen sok*", "milyen magas*", "milyen hosszú*"],
        "how": ["hogyan*", "miként", "mi módon", "miképp*"],
        "why": ["miért*", "mi okból", "mi végett"],
        "which": ["melyik*", "mely", "melyek*", "melyet", "melyben", "melynek"],
        "what": ["mi", "mik", "mit", "miket", "minek", "mivel", "mitől", "mihez", "miről", "miben", "miből", "mire",
                 "milyen*", "miféle", "micsoda", "mi az", "mibe", "mikből", "mikről"],
        "yes_no": ["vajon", "igaz*"],
    },
    "en": {
        "when": ["when*", "what year*", "which year*", "what date*", "what time", "what day*", "what month*",
                 "what century", "which century", "what decade", "which decade"],
        "where": ["where*", "what country", "which country", "what city", "which city", "what state", "which state"],
        "who": ["who", "whom", "whose", "whos"],
        "how_many": ["how many", "how much", "how long", "how far", "how old", "how large", "how big", "how tall",
                     "how high", "how often", "how fast", "what percent*", "what number"],
        "how": ["how"],
        "why": ["why", "what reason", "for what purpose"],
        "which": ["which"],
        "what": ["what", "whats"],
        "yes_no": ["is", "are", "was", "were", "do", "does", "did", "can", "could", "has", "have", "had", "will",
                   "would", "should"],
    },
}  # fmt: skip
OTHER = "other"

//! Words with which models decline, in lower case, as parts of regular expressions.
//!
//! They stand at the beginning of a part of a sentence. What only sounds so, such as "I can't help
//! but smile" or "Sorry to hear that", is none of them.

/// Words that come before those of refusal and change nothing.
pub(super) const OPENINGS: &[&str] = &[
    "(?:i'm|i am|we're|we are)? ?(?:so |very |really |truly )?sorry",
    "but|so|and|then|however|unfortunately|regrettably|apologies|my apologies",
    "i (?:do )?apologi[sz]e|i understand[a-z ]*but",
    "as an? (?:[a-z0-9-]+ )*(?:model|assistant|ai)",
    "aber|leider|tut mir leid|es tut mir leid|entschuldigung|als ki",
    "mais|malheureusement|désolée?|je suis désolée?",
    "pero|lo siento|lamentablemente|mas|desculpe|lamento|infelizmente|sinto muito",
    "mi dispiace|purtroppo|ma|helaas|sorry|het spijt me|maar|niestety|przepraszam|przykro mi|ale",
    "к сожалению|извините|простите|но|üzgünüm|maalesef|ancak|क्षमा करें|माफ़ करें",
    "很抱歉|非常抱歉|抱歉|对不起|對不起|但是|但|不过|申し訳ありませんが|申し訳ございませんが|すみませんが",
    "죄송합니다만|죄송하지만|죄송합니다|آسف|عذراً|عذرا|للأسف|لكن|لكنني",
];

/// What stands for CANNOT after "I" and "we".
pub(super) const CANNOT: &[&str] = &[
    " ?(?:can't|cannot|can not|won't|will not|couldn't|could not|am unable to|'m unable to)",
    " ?(?:am|'m|are|'re) not (?:able|allowed|permitted|going|willing|programmed|designed) to",
    " ?(?:won't|will not) be able to| ?(?:don't|do not) feel comfortable| ?(?:am|'m) not comfortable",
];

/// What stands for HELP after CANNOT.
pub(super) const HELP: &[&str] = &[
    "help(?:ing)?(?: you)?(?: with| in| to| by| do| make| write| create|$)",
    "assist|comply|fulfil|support|participate|engage|condone|promote|encourage|facilitate",
    "provid(?:e|ing)|generat(?:e|ing)|creat(?:e|ing)|writ(?:e|ing)|produc(?:e|ing)",
    "answer(?:ing)?|respond|discuss(?:ing)?|shar(?:e|ing)|giv(?:e|ing)|offer|recommend|advise|teach",
    "do (?:that|this|so)|continue|go along|proceed|supply|instruct|explain how|show you how|walk you",
    "in good conscience|fulfill|process (?:this|that|your)|complete (?:this|that|your)|with (?:that|this)",
];

/// The refusals themselves: English, German, French, Spanish, Italian, Portuguese, Dutch, Polish,
/// Russian, Turkish, Hindi, Chinese, Japanese, Korean, Arabic.
pub(super) const REFUSALS: &[&str] = &[
    r"(?:i|we)(?:CANNOT)(?: (?:really|actually|just|simply|directly|ethically|legally|possibly))? (?:HELP)",
    r"(?:can't|cannot|won't|unable to) (?:help|assist)(?: you)?(?: with|$)|no can do",
    r"(?:i|we) (?:must|have to|need to|will have to) (?:respectfully |politely )?(?:decline|refuse)",
    r"i (?:respectfully |politely )?(?:decline|refuse)\b|i(?:'d| would) (?:rather|prefer) not\b",
    r"(?:this|that|it|your request|this request) (?:violates|goes against|would violate|is against) (?:my|our)",
    r"my (?:guidelines|programming|policies) (?:do not|don't|prevent|prohibit)",
    r"(?:dabei |damit |hierbei )?(?:kann|darf|werde) ich (?:\w+ ){0,4}(?:nicht|keine\w?)\b",
    r"ich (?:kann|darf|werde) (?:\w+ ){0,5}(?:nicht|keine\w?) (?:\w+ ){0,4}(?:\w*helfen|behilflich|beantworten|unterstützen|nachkommen|erfüllen|geben|anbieten|bereitstellen|erstellen|schreiben)",
    r"ich bin nicht in der lage",
    r"je ne (?:peux|pourrai|suis|saurais) pas (?:\w+['\s]){0,2}(?:aider|répondre|fournir|faire|donner|accéder|en mesure|assister|créer|écrire|\w*aider)",
    r"je (?:dois|préfère) (?:décliner|refuser|ne pas)|il m'est impossible de",
    r"no puedo (?:\w+ ){0,1}(?:ayudar|asistir|proporcionar|cumplir|responder|hacer|brindar|ofrecer|dar|crear|escribir)|no me es posible|no podré ayudar",
    r"non posso (?:\w+ ){0,1}(?:aiutar|fornir|assister|risponder|soddisfar|farlo|dar|crear|scriver)|non sono in grado di",
    r"(?:eu )?não (?:posso|consigo|poderei) (?:\w+ ){0,1}(?:ajudar|ajudá|fornecer|auxiliar|responder|fazer|atender|dar|criar|escrever)",
    r"(?:daar|hier|dat|daarmee|hiermee) kan ik (?:\w+ ){0,3}(?:niet|geen)|ik kan (?:\w+ ){0,4}(?:niet|geen) (?:\w+ ){0,3}(?:helpen|verstrekken|geven|beantwoorden|bieden)",
    r"nie mogę (?:\w+ ){0,3}(?:pomóc|udzielić|spełnić|odpowiedzieć|tego zrobić|podać|dostarczyć)",
    r"(?:я )?не (?:могу|смогу) (?:\w+ ){0,3}(?:помочь|предоставить|выполнить|ответить|дать|написать|этого сделать)",
    r"(?:\w+ ){0,5}(?:yardımcı olamam|yardım edemem|yardımcı olamıyorum|sağlayamam|yanıtlayamam)",
    r"मैं .{0,60}(?:नहीं कर सकत|नहीं दे सकत|असमर्थ)",
    r"(?:我|本人|我们)?(?:无法|無法|不能|不可以|没办法|沒辦法)(?:.{0,4}(?:提供|帮|幫|协助|協助|回答|满足|滿足|完成|这样做|這樣做|给出|給出|讨论|討論))",
    r".{0,40}(?:手伝い|答え|提供|回答|対応|応え|教え).{0,8}(?:できません|出来ません|かねます)",
    r".{0,40}(?:도와|도움|제공|답변|응하|응할|알려).{0,12}(?:수 없|수가 없|어렵)",
    r"(?:أنا )?(?:لا|لن) (?:أستطيع|يمكنني|أقدر|يمكن) (?:\w+ )?(?:مساعدت|المساعدة|تقديم|الإجابة|أن أساعد|تلبية|إعطا)",
];

#include "mail/phrases.h"

/* clang-format off */
const struct phrase_attribution phrase_attributions[] = {
	{"en", "on ", "wrote", true},
	{"en", "at ", "wrote", true},
	{"en", "", "wrote on", false},
	{"en", "", "wrote", true},
	{"en", "", "writes", true},
	{"en", "", "said", true},
	{"de", "am ", "schrieb", false},
	{"de", "", "schrieb am", false},
	{"de", "", "schrieb", true},
	{"de", "", "schreibt", true},
	{"de", "", "hat am", false},
	{"de", "am ", "geschrieben", true},
	{"fr", "le ", "a écrit", true},
	{"fr", "", "a écrit le", false},
	{"fr", "", "a écrit", true},
	{"es", "el ", "escribió", true},
	{"es", "en ", "escribió", true},
	{"es", "", "escribió el", false},
	{"es", "", "escribió", true},
	{"it", "il ", "ha scritto", true},
	{"it", "in data ", "ha scritto", true},
	{"it", "", "ha scritto il", false},
	{"it", "", "ha scritto", true},
	{"pt", "em ", "escreveu", true},
	{"pt", "a ", "escreveu", true},
	{"pt", "no dia ", "escreveu", true},
	{"pt", "", "escreveu em", false},
	{"pt", "", "escreveu", true},
	{"nl", "op ", "schreef", false},
	{"nl", "", "schreef op", false},
	{"nl", "", "schreef", true},
	{"nl", "op ", "heeft", false},
	{"da, sv, no", "den ", "skrev", false},
	{"da", "d. ", "skrev", false},
	{"no", "på ", "skrev", false},
	{"da, sv, no", "", "skrev", false},
	{"fi", "", "kirjoitti", false},
	{"pl", "w dniu ", "pisze", true},
	{"pl", "w dniu ", "napisał", false},
	{"pl", "dnia ", "napisał", false},
	{"pl", "", "napisał(a)", true},
	{"pl", "", "napisał", true},
	{"pl", "", "napisała", true},
	{"pl", "", "pisze", true},
	{"cs", "dne ", "napsal", false},
	{"cs", "", "napsal", false},
	{"sk", "dňa ", "napísal", false},
	{"sk", "", "napísal", false},
	{"ru", "", "написал", false},
	{"ru", "", "написала", true},
	{"ru", "", "пишет", true},
	{"uk", "", "пише", true},
	{"uk", "", "написав", false},
	{"tr", "", "şunu yazdı", true},
	{"tr", "", "yazdı", true},
	{"hu", "", "ezt írta", false},
	{"ro", "în ", "a scris", true},
	{"ro", "", "a scris", true},
	{"ca", "", "va escriure", true},
	{"el", "", "έγραψε", true},
	{"zh", "在 ", "写道", true},
	{"zh", "在", "写道", true},
	{"zh", "", "写道", true},
	{"zh", "在", "寫道", true},
	{"zh", "", "寫道", true},
	{"ja", "", "書きました", true},
	{"ja", "", "のメール", true},
	{"ko", "", "작성", true},
};
const size_t phrase_attributions_n = sizeof phrase_attributions / sizeof *phrase_attributions;

const char *const phrase_originals[] = {
	"Original Message", "Original Mail", "Original E-Mail", "Original Email", "Replied Message", "Reply Message", "Original",
	"Ursprüngliche Nachricht", "Originalnachricht", "Original-Nachricht", "Ursprüngliche Mail", "Original-Mail",
	"Message d'origine", "Message d’origine", "Message original", "Message initial", "Mail original", "Message précédent",
	"Mensaje original", "Mensaje Original", "Missatge original",
	"Messaggio originale", "Messaggio Originale", "Mensagem original", "Mensagem Original",
	"Oorspronkelijk bericht", "Origineel bericht", "Oorspronkelijke bericht",
	"Oprindelig meddelelse", "Original meddelelse", "Oprindelig besked",
	"Ursprungligt meddelande", "Originalmeddelande", "Ursprungsmeddelande",
	"Opprinnelig melding", "Original melding", "Alkuperäinen viesti",
	"Wiadomość oryginalna", "Oryginalna wiadomość", "Wiadomość pierwotna", "Původní zpráva", "Původní e-mail", "Pôvodná správa",
	"Исходное сообщение", "Первоначальное сообщение", "Оригинальное сообщение", "Original ileti", "Orijinal mesaj", "Özgün ileti", "Orijinal ileti",
	"Eredeti üzenet", "Mesaj original", "原始邮件", "原邮件", "邮件原件", "原始邮件信息", "原始郵件", "回复的原邮件", "回复的邮件", "元のメッセージ",
	"オリジナル メッセージ", "元のメール", "원본 메시지", "원본 메일", NULL};

const char *const phrase_forwards[] = {
	"Forwarded message", "Forwarded Message", "Begin forwarded message:", "Start of forwarded message", "Weitergeleitete Nachricht",
	"Anfang der weitergeleiteten Nachricht:", "Weitergeleitete Mail", "Message transféré", "Message transmis", "Début du message réexpédié :",
	"Mensaje reenviado", "Mensaje remitido", "Inicio del mensaje reenviado:", "Messaggio inoltrato", "Inizio messaggio inoltrato:",
	"Mensagem encaminhada", "Mensagem reencaminhada", "Doorgestuurd bericht", "Begin doorgestuurd bericht:", "Videresendt meddelelse",
	"Videresendt besked", "Videresendt melding", "Vidarebefordrat meddelande", "Vidarebefordrat brev", "Edelleen lähetetty viesti",
	"Wiadomość przekazana dalej", "Přeposlaná zpráva", "Пересылаемое сообщение", "Перенаправленное сообщение", "İletilen ileti", "转发的邮件",
	"转发邮件信息", "轉寄的郵件", "転送メッセージ", "転送されたメッセージ", NULL};

const struct phrase_header phrase_headers[] = {
	{LABEL_FROM, "From"}, {LABEL_FROM, "Von"}, {LABEL_FROM, "De"}, {LABEL_FROM, "Da"}, {LABEL_FROM, "Fra"}, {LABEL_FROM, "Från"},
	{LABEL_FROM, "Van"}, {LABEL_FROM, "Od"}, {LABEL_FROM, "От"}, {LABEL_FROM, "Від"}, {LABEL_FROM, "Lähettäjä"}, {LABEL_FROM, "Kimden"},
	{LABEL_FROM, "Gönderen"}, {LABEL_FROM, "Feladó"}, {LABEL_FROM, "Expéditeur"}, {LABEL_FROM, "Absender"}, {LABEL_FROM, "Mittente"},
	{LABEL_FROM, "Remitente"}, {LABEL_FROM, "Afzender"}, {LABEL_FROM, "发件人"}, {LABEL_FROM, "寄件者"}, {LABEL_FROM, "寄件人"},
	{LABEL_FROM, "發件人"}, {LABEL_FROM, "差出人"}, {LABEL_FROM, "送信者"}, {LABEL_FROM, "送信元"}, {LABEL_FROM, "보낸 사람"},
	{LABEL_SENT, "Sent"}, {LABEL_SENT, "Sent On"}, {LABEL_SENT, "Date"}, {LABEL_SENT, "Gesendet"}, {LABEL_SENT, "Gesendet am"}, {LABEL_SENT, "Datum"},
	{LABEL_SENT, "Envoyé"}, {LABEL_SENT, "Envoyé le"}, {LABEL_SENT, "Enviado"}, {LABEL_SENT, "Enviado el"}, {LABEL_SENT, "Fecha"},
	{LABEL_SENT, "Enviada em"}, {LABEL_SENT, "Enviado em"}, {LABEL_SENT, "Enviada"}, {LABEL_SENT, "Data"}, {LABEL_SENT, "Data/Hora"},
	{LABEL_SENT, "Inviato"}, {LABEL_SENT, "Inviato il"}, {LABEL_SENT, "Verzonden"}, {LABEL_SENT, "Sendt"}, {LABEL_SENT, "Dato"},
	{LABEL_SENT, "Skickat"}, {LABEL_SENT, "Lähetetty"}, {LABEL_SENT, "Päiväys"}, {LABEL_SENT, "Päivämäärä"}, {LABEL_SENT, "Wysłano"},
	{LABEL_SENT, "Odesláno"}, {LABEL_SENT, "Odoslané"}, {LABEL_SENT, "Отправлено"}, {LABEL_SENT, "Дата"}, {LABEL_SENT, "Дата отправки"},
	{LABEL_SENT, "Надіслано"}, {LABEL_SENT, "Gönderildi"}, {LABEL_SENT, "Gönderme Tarihi"}, {LABEL_SENT, "Gönderilme tarihi"}, {LABEL_SENT, "Tarih"},
	{LABEL_SENT, "Elküldve"}, {LABEL_SENT, "发送时间"}, {LABEL_SENT, "发送日期"}, {LABEL_SENT, "日期"}, {LABEL_SENT, "寄件日期"}, {LABEL_SENT, "傳送時間"},
	{LABEL_SENT, "送信日時"}, {LABEL_SENT, "日時"}, {LABEL_SENT, "日付"}, {LABEL_SENT, "보낸 날짜"},
	{LABEL_TO, "To"}, {LABEL_TO, "An"}, {LABEL_TO, "À"}, {LABEL_TO, "A"}, {LABEL_TO, "Para"}, {LABEL_TO, "Aan"}, {LABEL_TO, "Til"}, {LABEL_TO, "Till"},
	{LABEL_TO, "Do"}, {LABEL_TO, "Komu"}, {LABEL_TO, "Кому"}, {LABEL_TO, "Vastaanottaja"}, {LABEL_TO, "Kime"}, {LABEL_TO, "Alıcı"},
	{LABEL_TO, "Címzett"}, {LABEL_TO, "Destinataire"}, {LABEL_TO, "Destinatario"}, {LABEL_TO, "Empfänger"}, {LABEL_TO, "收件人"}, {LABEL_TO, "收件者"},
	{LABEL_TO, "宛先"}, {LABEL_TO, "받는 사람"},
	{LABEL_CC, "Cc"}, {LABEL_CC, "Kopie"}, {LABEL_CC, "Copie à"}, {LABEL_CC, "Kopi"}, {LABEL_CC, "Kopia"}, {LABEL_CC, "Kopio"}, {LABEL_CC, "DW"},
	{LABEL_CC, "抄送"}, {LABEL_CC, "副本"}, {LABEL_CC, "Копия"}, {LABEL_CC, "Bilgi"}, {LABEL_CC, "Reply-To"}, {LABEL_CC, "Importance"},
	{LABEL_SUBJECT, "Subject"}, {LABEL_SUBJECT, "Betreff"}, {LABEL_SUBJECT, "Betr."}, {LABEL_SUBJECT, "Objet"}, {LABEL_SUBJECT, "Sujet"},
	{LABEL_SUBJECT, "Asunto"}, {LABEL_SUBJECT, "Assunto"}, {LABEL_SUBJECT, "Oggetto"}, {LABEL_SUBJECT, "Onderwerp"}, {LABEL_SUBJECT, "Emne"},
	{LABEL_SUBJECT, "Ämne"}, {LABEL_SUBJECT, "Aihe"}, {LABEL_SUBJECT, "Temat"}, {LABEL_SUBJECT, "Předmět"}, {LABEL_SUBJECT, "Predmet"},
	{LABEL_SUBJECT, "Тема"}, {LABEL_SUBJECT, "Konu"}, {LABEL_SUBJECT, "Tárgy"}, {LABEL_SUBJECT, "主题"}, {LABEL_SUBJECT, "主題"}, {LABEL_SUBJECT, "主旨"},
	{LABEL_SUBJECT, "標題"}, {LABEL_SUBJECT, "件名"}, {LABEL_SUBJECT, "제목"},
};
const size_t phrase_headers_n = sizeof phrase_headers / sizeof *phrase_headers;

const char *const phrase_sent[] = {
	"Sent from ", "Sent via ", "Sent with ", "Sent using ", "Sent by ", "Sent on the move from ", "Sent on the go", "Get Outlook", "Get BlueMail", "Get Spark", "Get Yahoo", "Get TypeApp", "Written on ", "Typed on ",
	"Von meinem ", "Von meiner ", "Von unterwegs ", "Gesendet von ", "Gesendet mit ", "Gesendet vom ", "Gesendet aus ", "Diese Nachricht wurde von ",
	"Outlook für ", "Holen Sie sich Outlook", "Mit meinem ", "Envoyé de ", "Envoyé depuis ", "Envoyé à partir ", "Envoyé avec ", "Envoyé par ", "Obtenez Outlook",
	"Télécharger Outlook", "Téléchargez Outlook", "Enviado desde ", "Enviado de ", "Enviado do ", "Enviado a partir ", "Enviado con ", "Enviado com ", "Enviado por ",
	"Enviado pelo ", "Obtener Outlook", "Obtenga Outlook", "Obter Outlook", "Obter o Outlook", "Obtenha o Outlook", "Inviato da ", "Inviato dal ", "Inviato con ", "Ottieni Outlook", "Scarica Outlook",
	"Verzonden vanaf ", "Verzonden via ", "Verzonden met ", "Verstuurd vanaf ", "Verzonden vanuit ", "Outlook voor ", "Download Outlook", "Sendt fra ", "Sendt med ",
	"Hent Outlook", "Få Outlook", "Last ned Outlook", "Skickat från ", "Skickat med ", "Skaffa Outlook", "Hämta Outlook", "Lähetetty ", "Hanki Outlook", "Lataa Outlook", "Wysłano z ", "Wysłane z ",
	"Pobierz Outlook", "Pobierz aplikację Outlook", "Uzyskaj Outlook", "Uzyskaj aplikację Outlook", "Odesláno z ", "Odesláno ", "Získejte Outlook", "Stáhnout Outlook", "Отправлено с ", "Отправлено из ", "Скачать Outlook", "Скачайте Outlook", "Загрузить Outlook",
	"Získať Outlook", "Надіслано з ", "Elküldve ", "Trimis de pe ", NULL};

const char *const phrase_products[] = {
	"iPhone", "iPad", "iOS", "Mac", "Android", "Samsung", "Galaxy", "Huawei", "Xiaomi", "Redmi", "OnePlus", "Pixel", "Nokia", "Motorola", "Sony",
	"BlackBerry", "Windows", "Outlook", "Yahoo", "AOL", "Proton", "Mailbird", "Mailspring", "Spark", "Superhuman", "K-9", "FairEmail", "BlueMail",
	"Thunderbird", "Zoho", "GMX", "WEB.DE", "Gmail", "Verse", "Fastmail", "Tutanota", "Tuta", "Posteo", "Mail.ru", "Яндекс", "Yandex", "Почта", "Mobil",
	"mobile", "smartphone", "phone", "Handy", "Telefon", "téléphone", "teléfono", "telefono", "celular", "móvil", "telemóvel", "telefoon", "puhelim",
	"telefonu", "телефон", "tablet", "smartfon", "app ", "T-Mobile", "Orange", "Free", "eM Client", "Mimestream", "Airmail", "Newton", "HEY", "Edison", "myMail", "Mail for", NULL};

const char *const phrase_footers[] = {
	"发自我的", "發自我的", "来自我的", "从我的", "從我的", "发送自", "寄自", "传送自", "發送自", "由我的", "使用 Outlook", "使用邮件应用", "获取 Outlook", "取得 Outlook",
	"取得適用於", "取得 iOS 版", "取得 Android 版", "獲取 Outlook", "下载 Outlook", "发自网易邮箱", "来自 网易邮箱", "来自网易邮箱", "Outlook for iOS を", "Outlook for Android を", "나의 iPhone", "내 iPhone",
	"Virus-free.", "Virenfrei.", "Sans virus.", "Libre de virus.", "Privo di virus.", "Virusvrij.", "Virusfri.", "Diese E-Mail wurde von Avast",
	"This email has been checked for viruses", "L'absence de virus dans ce courrier", "Yahoo Mail:", NULL};

const char *const phrase_footer_ends[] = {"から送信", "'umdan gönderildi", "’umdan gönderildi", "'dan gönderildi", "dan gönderildi", "den gönderildi",
	"에서 보냄", "から送信されました", "を入手", NULL};

const char *const phrase_disclaimers[] = {
	"This e-mail", "This email", "This message", "This communication", "This transmission", "The information contained", "The information in this",
	"The contents of this", "Confidentiality", "CONFIDENTIAL", "Disclaimer", "Please note that this", "Notice:", "IMPORTANT NOTICE", "Privileged", "If you are not the intended",
	"If you have received this", "Diese E-Mail", "Diese Mail", "Diese Nachricht", "Der Inhalt dieser", "Die Information", "Dieses E-Mail", "Vertraulich",
	"Haftungsausschluss", "Hinweis:", "Ce message", "Ce courriel", "Cet e-mail", "Cet email", "Le présent message", "Les informations contenues", "Este mensaje",
	"Este correo", "La información contenida", "Esta mensagem", "Este e-mail", "Este email", "A informação contida", "As informações contidas", "AVISO",
	"Questo messaggio", "Questa e-mail", "Questa mail", "Le informazioni contenute", "Il presente messaggio", "Il contenuto", "Dit bericht", "Deze e-mail",
	"De informatie in", "Denne e-mail", "Denne e-post", "Denne mail", "Denna e-post", "Detta e-post", "Detta meddelande", "Denne meddelelse", "Tämä viesti", "Tämä sähköposti",
	"Ta wiadomość", "Niniejsza wiadomość", "Treść tej wiadomości", "Tato zpráva", "Tento e-mail", "Это сообщение", "Данное сообщение", "Настоящее", "Bu e-posta", "Bu mesaj",
	"本邮件", "此邮件", "本電子郵件", "此電子郵件", "本メール", "このメール", "このEメール", NULL};

const char *const phrase_secrets[] = {
	"confidential", "privileged", "intended recipient", "intended solely", "solely for", "vertraulich", "confidentiel", "destinataire", "confidencial", "destinatario", "destinatário", "riservat",
	"vertrouwelijk", "geadresseerde", "fortrolig", "konfidens", "konfidentiell", "luottamuksell", "poufn", "důvěrn", "конфиденциальн", "gizli", "保密", "机密", "機密", "秘密", NULL};
/* clang-format on */

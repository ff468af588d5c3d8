"""The tasks of the shipped model. Adding one: an entry here, and a reader in `corpora.py`."""

from __future__ import annotations

from .model import Task

UPOS = ("ADJ", "ADP", "ADV", "AUX", "CCONJ", "DET", "INTJ", "NOUN", "NUM", "PART", "PRON", "PROPN", "PUNCT", "SCONJ", "SYM",
        "VERB", "X")
ENTITIES = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-ORG", "I-ORG")
SENTIMENTS = ("negative", "neutral", "positive")
# In the order of the corpus (google-research/goemotions, emotions.txt).
EMOTIONS = (
    "admiration", "amusement", "anger", "annoyance", "approval", "caring", "confusion", "curiosity", "desire",
    "disappointment", "disapproval", "disgust", "embarrassment", "excitement", "fear", "gratitude", "grief", "joy", "love",
    "nervousness", "optimism", "pride", "realization", "relief", "remorse", "sadness", "surprise", "neutral")
TOPICS = (
    "alt.atheism", "comp.graphics", "comp.os.ms-windows.misc", "comp.sys.ibm.pc.hardware", "comp.sys.mac.hardware",
    "comp.windows.x", "misc.forsale", "rec.autos", "rec.motorcycles", "rec.sport.baseball", "rec.sport.hockey", "sci.crypt",
    "sci.electronics", "sci.med", "sci.space", "soc.religion.christian", "talk.politics.guns", "talk.politics.mideast",
    "talk.politics.misc", "talk.religion.misc")
INTENTS = (
    "accept_reservations", "account_blocked", "alarm", "application_status", "apr", "are_you_a_bot", "balance",
    "bill_balance", "bill_due", "book_flight", "book_hotel", "calculator", "calendar", "calendar_update", "calories",
    "cancel", "cancel_reservation", "car_rental", "card_declined", "carry_on", "change_accent", "change_ai_name",
    "change_language", "change_speed", "change_user_name", "change_volume", "confirm_reservation", "cook_time",
    "credit_limit", "credit_limit_change", "credit_score", "current_location", "damaged_card", "date", "definition",
    "direct_deposit", "directions", "distance", "do_you_have_pets", "exchange_rate", "expiration_date", "find_phone",
    "flight_status", "flip_coin", "food_last", "freeze_account", "fun_fact", "gas", "gas_type", "goodbye", "greeting",
    "how_busy", "how_old_are_you", "improve_credit_score", "income", "ingredient_substitution", "ingredients_list",
    "insurance", "insurance_change", "interest_rate", "international_fees", "international_visa", "jump_start",
    "last_maintenance", "lost_luggage", "make_call", "maybe", "meal_suggestion", "meaning_of_life",
    "measurement_conversion", "meeting_schedule", "min_payment", "mpg", "new_card", "next_holiday", "next_song", "no",
    "nutrition_info", "oil_change_how", "oil_change_when", "order", "order_checks", "order_status", "pay_bill",
    "payday", "pin_change", "play_music", "plug_type", "pto_balance", "pto_request", "pto_request_status", "pto_used",
    "recipe", "redeem_rewards", "reminder", "reminder_update", "repeat", "replacement_card_duration", "report_fraud",
    "report_lost_card", "reset_settings", "restaurant_reservation", "restaurant_reviews", "restaurant_suggestion",
    "rewards_balance", "roll_dice", "rollover_401k", "routing", "schedule_maintenance", "schedule_meeting",
    "share_location", "shopping_list", "shopping_list_update", "smart_home", "spelling", "spending_history",
    "sync_device", "taxes", "tell_joke", "text", "thank_you", "time", "timer", "timezone", "tire_change",
    "tire_pressure", "todo_list", "todo_list_update", "traffic", "transactions", "transfer", "translate",
    "travel_alert", "travel_notification", "travel_suggestion", "uber", "update_playlist", "user_name", "vaccines",
    "w2", "weather", "what_are_your_hobbies", "what_can_i_ask_you", "what_is_your_name", "what_song",
    "where_are_you_from", "whisper_mode", "who_do_you_work_for", "who_made_you", "yes")

# ISO 639-3, of languages with several hundred sentences that the vocabulary has letters for; one code where the corpus has several for one language.
LANGUAGES = (
    "afr", "ara", "aze", "bel", "ben", "bre", "bul", "cat", "ces", "cym", "dan", "deu", "ell", "eng", "epo", "est", "eus", "fas", "fin", "fra", "gle", "glg",
    "heb", "hin", "hrv", "hun", "hye", "ind", "isl", "ita", "jpn", "kat", "kaz", "kor", "lat", "lav", "lit", "mar", "mkd", "msa", "nld", "nno", "nob", "pol", "por", "ron", "rus",
    "slk", "slv", "spa", "sqi", "srp", "swa", "swe", "tat", "tgl", "tha", "tur", "ukr", "urd", "uzb", "vie", "zho", "other")

TASKS = (
    Task("pos", "token_tags", UPOS),
    Task("entities", "token_spans", ENTITIES),
    Task("sentiment", "single_label", SENTIMENTS),
    Task("emotion", "multi_label", EMOTIONS),
    Task("topic", "single_label", TOPICS),
    Task("intent", "single_label", INTENTS),
    Task("offensive", "single_label", ("no", "yes")),
    Task("language", "single_label", LANGUAGES),
    Task("embedding", "vector", size=384),
    Task("answer", "answer_span", ("start", "end")),
    Task("compress", "token_tags", ("leave", "keep")),
    Task("summary", "token_tags", ("leave", "keep")),
    Task("reply", "reply_vectors", size=256),
)
USUAL = ("pos", "entities", "sentiment", "emotion", "topic", "intent", "offensive")  # of a run whose file names none

# Trained along where a run's `auxiliary` names them, for what they teach the encoder; packages leave them out.
EMOJIS = (
    "red_heart", "heart_eyes", "tears_of_joy", "two_hearts", "fire", "smiling_eyes", "sunglasses", "sparkles", "blue_heart", "blowing_a_kiss",
    "camera", "united_states", "sun", "purple_heart", "winking", "hundred_points", "beaming", "christmas_tree", "camera_flash", "winking_with_tongue")
AUXILIARY = (Task("emoji", "single_label", EMOJIS),)

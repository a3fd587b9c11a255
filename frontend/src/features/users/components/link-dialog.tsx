/** A link that is shown this once, to be handed over. */
import { Check, Copy } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "@/components/ui/button";
import { Dialog, DialogClose } from "@/components/ui/dialog";
import type { PasswordLink } from "@/features/users/api/users";
import { dateTime } from "@/lib/format";

interface LinkDialogProps {
  name: string;
  link: PasswordLink;
  /** Whether it was to be sent. */
  mail: boolean;
  onClosed: () => void;
}

export function LinkDialog({ name, link, mail, onClosed }: LinkDialogProps) {
  const { t } = useTranslation();
  const [copied, setCopied] = useState(false);
  // Without a public address the server knows only the path; the browser knows the rest.
  const url = new URL(link.url, window.location.origin).href;
  const copy = () => navigator.clipboard.writeText(url).then(() => setCopied(true));
  const title = t("users.linkTitle", { name });
  return (
    <Dialog open onOpenChange={(now) => !now && onClosed()} label={title} className="max-w-lg">
      <div className="flex flex-col gap-3 overflow-y-auto p-5">
        <h2 className="font-semibold text-base">{title}</h2>
        <p className="text-ink-2">{t("users.linkText", { time: dateTime(link.expires_at) })}</p>
        {mail && (
          <p role="status" className={link.mailed ? undefined : "text-bad"}>
            {t(link.mailed ? "users.linkMailed" : "users.linkNotMailed")}
          </p>
        )}
        <p
          className="break-all rounded-md border border-line bg-surface-2 p-2 font-mono text-xs"
          data-testid="password-link"
        >
          {url}
        </p>
        <div className="flex flex-wrap justify-end gap-2 pt-1">
          <DialogClose render={<Button look="ghost">{t("users.linkClose")}</Button>} />
          <Button look="primary" onClick={copy}>
            {copied ? <Check aria-hidden className="size-4" /> : <Copy aria-hidden className="size-4" />}
            {t(copied ? "users.linkCopied" : "users.linkCopy")}
          </Button>
        </div>
      </div>
    </Dialog>
  );
}

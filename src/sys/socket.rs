//! Pairs of sockets between a process and its workers: messages with open files (`unix(7)`, `SCM_RIGHTS`).

use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::cmsg_space;
use rustix::io::{Errno, Result};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, SocketFlags, SocketType,
};

use super::Sys;
use crate::calls::Call;

/// Files that go with one message, at most.
const MOST_FILES: usize = 2;

impl Sys {
    /// Two sockets that are connected with each other, for streams of bytes; neither is handed on to programs.
    pub(crate) fn socket_pair(&mut self) -> Result<(OwnedFd, OwnedFd)> {
        self.plain(Call::Socketpair, || {
            rustix::net::socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)
        })
    }

    /// Sends all of two slices, one after the other, and open files with the first byte. EPIPE: the other end is gone.
    pub(crate) fn send_all(
        &mut self,
        socket: impl AsFd,
        head: &[u8],
        body: &[u8],
        files: &[BorrowedFd<'_>],
    ) -> Result<()> {
        let (mut done, all) = (0, head.len() + body.len());
        while done < all {
            let files = if done == 0 { files } else { &[] };
            let rest_of_head = &head[done.min(head.len())..];
            let rest_of_body = &body[done.saturating_sub(head.len())..];
            let sent = self.transfer(Call::Sendmsg, all - done, |wanted| {
                let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(MOST_FILES))];
                let mut control = SendAncillaryBuffer::new(&mut space);
                if !files.is_empty() && !control.push(SendAncillaryMessage::ScmRights(files)) {
                    return Err(Errno::INVAL);
                }
                let head = &rest_of_head[..rest_of_head.len().min(wanted)];
                let body = &rest_of_body[..rest_of_body.len().min(wanted - head.len())];
                let slices = [IoSlice::new(head), IoSlice::new(body)];
                rustix::net::sendmsg(socket.as_fd(), &slices, &mut control, SendFlags::NOSIGNAL)
            })?;
            if sent == 0 {
                return Err(Errno::PIPE);
            }
            done += sent;
        }
        Ok(())
    }

    /// Receives what there is, up to the length of `buffer`, and the files that came with it. EPIPE: the other end is gone.
    pub(crate) fn receive(&mut self, socket: impl AsFd, buffer: &mut [u8]) -> Result<(usize, Vec<OwnedFd>)> {
        let mut files = Vec::new();
        let received = self.transfer(Call::Recvmsg, buffer.len(), |wanted| {
            let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(MOST_FILES))];
            let mut control = RecvAncillaryBuffer::new(&mut space);
            let slices = &mut [IoSliceMut::new(&mut buffer[..wanted])];
            let received = rustix::net::recvmsg(socket.as_fd(), slices, &mut control, RecvFlags::CMSG_CLOEXEC)?.bytes;
            for message in control.drain() {
                if let RecvAncillaryMessage::ScmRights(came) = message {
                    files.extend(came);
                }
            }
            Ok(received)
        })?;
        if received == 0 { Err(Errno::PIPE) } else { Ok((received, files)) }
    }

    /// Fills `buffer`. EPIPE: the other end is gone.
    pub(crate) fn receive_all(&mut self, socket: impl AsFd, buffer: &mut [u8]) -> Result<()> {
        let mut done = 0;
        while done < buffer.len() {
            done += self.receive(&socket, &mut buffer[done..])?.0;
        }
        Ok(())
    }
}
